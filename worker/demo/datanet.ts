/** Chapter: the documentation of the packages this project is built with becomes a datanet. */
import { fileURLToPath } from 'node:url'
import type { Address } from '../../protocol/fields.ts'
import { short } from '../cli/output.ts'
import { packageTexts } from '../datanet/packages.ts'
import { accountFor } from './cast.ts'
import { DemoError } from './errors.ts'
import type { DemoResult } from './result.ts'
import { dim, good, type Story, strong } from './story.ts'
import type { Watching } from './watching.ts'

const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url))
/** Enough for a demo of minutes: those whose documentation says most, up to a size that nobody dominates with. */
const MAX_CONTRIBUTORS = 48
const MAX_TEXT_BYTES = 48 * 1024

interface Published {
  readonly datanetId: number
  readonly version: number
  readonly manifest: string
  readonly root: string
  readonly contributions: number
  readonly shards: number
  readonly totalBytes: number
  readonly txHash: string
  readonly accepted: readonly {
    readonly contributor: Address
    readonly name: string
    readonly licence: string
  }[]
  readonly refused: readonly {
    readonly name: string
    readonly reason: string
    readonly message: string
  }[]
}

export interface DatanetChapter {
  readonly result: DemoResult['datanet']
  /** Names of contributors by account. */
  readonly names: ReadonlyMap<string, string>
}

export async function publishDatanet(
  story: Story,
  { client }: Watching,
  seed: Uint8Array,
  signal: AbortSignal,
): Promise<DatanetChapter> {
  const offered = []
  for await (const text of packageTexts(
    PACKAGES,
    (name) => accountFor(name, seed).address,
    signal,
  )) {
    if (text.content.length <= MAX_TEXT_BYTES) offered.push(text)
  }
  if (offered.length === 0) throw new DemoError('node_modules holds no documentation. Run npm ci.')
  const chosen = offered
    .sort((a, b) => b.content.length - a.content.length || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_CONTRIBUTORS)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  story.line(
    `${offered.length} npm packages have documentation here; ${chosen.length} offer theirs`,
  )
  const contributions = chosen.map(({ contributor, name, licence, content }) => {
    return { contributor, name, licence, content: Buffer.from(content).toString('base64') }
  })
  const published = await client.post<Published>(
    '/datanets',
    { name: 'npm-docs', contributions },
    signal,
  )
  tell(story, published)
  return {
    result: {
      manifest: published.manifest,
      root: published.root,
      contributions: published.contributions,
      refused: published.refused.length,
      bytes: published.totalBytes,
      shards: published.shards,
      txHash: published.txHash,
    },
    names: new Map(published.accepted.map(({ contributor, name }) => [contributor, name])),
  }
}

function tell(story: Story, published: Published): void {
  const licences = [...new Set(published.accepted.map(({ licence }) => licence))].sort()
  story.line(`${good(`${published.contributions} taken`)} under ${licences.join(', ')}`)
  for (const { name, reason } of published.refused) story.line(dim(`refused ${name}: ${reason}`))
  const size = `${Math.round(published.totalBytes / 1024)} KiB in ${published.shards} shards`
  story.line(`${size} added to IPFS as ${strong(published.manifest)}`)
  story.line(
    `version ${published.version} registered on the L2: root ${short(published.root)}, transaction ${short(published.txHash)}`,
  )
}
