/** Publishing a datanet version: contributions through the door, shards into IPFS, the root onto the L2. */
import { Hono } from 'hono'
import { z } from 'zod'
import { address } from '../../protocol/fields.ts'
import type { ChainClient } from '../chain/client.ts'
import { readDatanet } from '../chain/datanets.ts'
import { ChainError } from '../chain/errors.ts'
import { readVerdicts } from '../chain/reviews.ts'
import type { Refusal } from '../datanet/contribute.ts'
import { DatanetError } from '../datanet/errors.ts'
import { publishVersion } from '../datanet/publish.ts'
import { type Offered, type Passed, throughDoor } from '../datanet/through-door.ts'
import type { Service } from '../service.ts'
import { jsonBody, parse } from './input.ts'

const PublishRequest = z.strictObject({
  name: z.string().min(1).max(64),
  /** Of the datanet as a whole; each contribution declares its own. */
  licence: z.string().min(1).max(64).default('SEE CONTRIBUTIONS'),
  /** An existing datanet of this operator; a new one without it. */
  datanetId: z.number().int().min(1).optional(),
  contributions: z
    .array(
      z.strictObject({
        contributor: address,
        name: z.string().max(256),
        licence: z.string().max(128),
        /** Base64 of the file as it is: what is no text is told from its bytes. */
        content: z.base64().max(2 * 1024 * 1024),
      }),
    )
    .min(1)
    .max(20_000),
})

export function datanetRoutes(service: Service): Hono {
  return new Hono().post('/datanets', async (c) => {
    const request = parse(PublishRequest, await jsonBody(c.req))
    return c.json(await publish(service, request, c.req.raw.signal), 201)
  })
}

/** Said before texts are gone through: a next version is for whoever founded the datanet. Throws `DatanetError`. */
async function checkOperator(
  chain: ChainClient,
  datanetId: number,
  signal: AbortSignal,
): Promise<void> {
  const known = await readDatanet(chain, datanetId, signal).catch((error: unknown) => {
    if (error instanceof ChainError && error.revert?.name === 'NoDatanet') return
    throw error
  })
  const instead = 'leave the datanet out to found a new one'
  if (known === undefined) {
    throw new DatanetError('not-operator', `There is no datanet ${datanetId}; ${instead}.`)
  }
  if (known.operator === chain.account) return
  throw new DatanetError(
    'not-operator',
    `Datanet ${datanetId} is ${known.operator}'s, and this gateway publishes as ${chain.account}; take that operator's gateway, or ${instead}.`,
  )
}

/** A bond is lost once for a contribution; to publish it again would pay its contributor on. */
async function judgedSpam(
  chain: ChainClient,
  datanetId: number,
  { accepted }: Passed,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const verdicts = await readVerdicts(chain, datanetId, [...accepted.values()], signal)
  return new Set([...accepted.keys()].filter((_, index) => verdicts[index] === 'spam'))
}

function spamRefusal({ name }: Offered): Refusal {
  const message = 'validators have found it to be spam in this datanet; take it out of the draft'
  return { name, reason: 'judged-spam', message }
}

async function publish(
  { content, ownerChain, log }: Service,
  { name, licence, datanetId, contributions: offered }: z.output<typeof PublishRequest>,
  signal: AbortSignal,
) {
  if (datanetId !== undefined) await checkOperator(ownerChain, datanetId, signal)
  const all = await throughDoor(offered)
  const spam =
    datanetId === undefined
      ? new Set<number>()
      : await judgedSpam(ownerChain, datanetId, all, signal)
  // What is like spam that stays out may come in.
  const others = offered.filter((_, place) => !spam.has(place))
  const taken = spam.size === 0 ? all : await throughDoor(others)
  const refused = [...taken.refused, ...[...spam].map((place) => spamRefusal(offered[place]!))]
  const contributions = [...taken.accepted.values()]
  if (contributions.length === 0) {
    const first = refused[0]!
    throw new DatanetError(
      'bad-size',
      `No contribution passed the door; the first: ${first.name}: ${first.message}.`,
    )
  }
  const { manifest, block, shards } = publishVersion(name, contributions)
  for (const shard of shards) await content.keep(shard)
  await content.keep(block)
  const created = datanetId ?? (await ownerChain.createDatanet({ name, licence }, signal)).datanetId
  const { version, txHash } = await ownerChain.publishDatanet(
    {
      datanetId: created,
      root: manifest.root,
      count: manifest.contributions,
      manifest: block.cid,
      totalBytes: manifest.totalBytes,
      licence,
    },
    signal,
  )
  log.info(
    { datanetId: created, version, contributions: contributions.length },
    'datanet published',
  )
  return {
    datanetId: created,
    version,
    manifest: block.cid,
    root: manifest.root,
    contributions: manifest.contributions,
    shards: shards.length,
    totalBytes: manifest.totalBytes,
    txHash,
    accepted: contributions.map(({ contributor, name, licence }) => ({
      contributor,
      name,
      licence,
    })),
    refused,
  }
}
