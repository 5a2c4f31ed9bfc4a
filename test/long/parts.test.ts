import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'mocha'
import type { Adapter } from '../../protocol/adapter.ts'
import { Client } from '../../worker/cli/client.ts'
import { packageTexts } from '../../worker/datanet/packages.ts'
import { type Actor, accountFor, Cast } from '../../worker/demo/cast.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'
import { tributary } from '../harness/program.ts'

const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const SEED = Buffer.alloc(32, 23)
const STEPS = 6

describe('a fine-tune that is ordered in parts', () => {
  const folder = testFolder('parts')
  const stop = new AbortController()
  let cast: Cast
  let client: Client
  let datanet: string

  before(async () => {
    const options = { folder, signal: stop.signal, windowSeconds: 2 }
    cast = await Cast.open(options, accountFor('treasury', SEED).address)
    const start = (name: string, role: Actor['role'], more: string[] = [], known?: Actor) =>
      cast.start(name, role, ['--stake', '100', ...more], known?.addresses ?? [])
    const gateway = await start('gateway', 'gateway', ['--escrow', '100'])
    await cast.waitUntilUp(gateway)
    await start('worker 1', 'worker', [], gateway)
    for (const i of [1, 2, 3]) await start(`validator ${i}`, 'validator', [], gateway)
    await Promise.all(cast.actors.map((actor) => cast.waitUntilUp(actor)))
    client = new Client(gateway.api)
    while ((await client.get<{ subscribers: number }>('/status')).subscribers < 4) {
      await setTimeout(200)
    }
    datanet = await publish()
  })

  after(async () => {
    stop.abort()
    await cast?.stop()
    removeFolder(folder)
  })

  async function publish(): Promise<string> {
    const contributions = []
    const owner = (name: string) => accountFor(name, SEED).address
    for await (const text of packageTexts(PACKAGES, owner, stop.signal)) {
      const { content, contributor, name, licence } = text
      if (content.length < 4096 || content.length > 24_576) continue
      const encoded = Buffer.from(content).toString('base64')
      contributions.push({ contributor, name, licence, content: encoded })
      if (contributions.length === 4) break
    }
    const version = { name: 'parts', contributions }
    return (await client.post<{ manifest: string }>('/datanets', version)).manifest
  }

  const finetune = (...words: string[]) =>
    tributary(folder, ['finetune', ...words, '--node', client.url])

  it('goes through its parts by itself, and goes on later where it was left', async () => {
    const laidOut = ['--steps', `${STEPS}`, '--parts', '3', '--max-examples', '32']
    const all = await finetune(datanet, ...laidOut)
    assert.equal(all.code, 0, all.err)
    for (const part of ['steps 1 to 2 of 6', 'steps 3 to 4 of 6', 'steps 5 to 6 of 6']) {
      assert.ok(all.err.includes(part), all.err)
    }
    const [adapter] = all.out.trim().split('\n')
    const over = await finetune('--from', adapter!)
    assert.match(over.err, /all 6 steps of its run are done/)
    assert.equal(over.code, 1)
    // The first part was not registered when the second was ordered from it; it is by now, and may be gone on from again.
    const [first] = /--from (\S+)/.exec(all.err)!.slice(1)
    const again = await finetune('--from', first!, '--steps', '3')
    assert.equal(again.code, 0, again.err)
    assert.match(again.err, /steps 3 to 5 of 6/)
    assert.match(again.err, /its run has more steps: tributary finetune --from/)
  })

  it('names where it comes from', async () => {
    const jobs = await client.get<{ jobId: string; adapter: string }[]>('/jobs')
    const parents = jobs.map(({ adapter }) => adapter).filter((adapter) => adapter !== '')
    assert.equal(parents.length, 3)
    for (const { jobId, adapter } of jobs) {
      const { parent } = await client.get<Pick<Adapter, 'parent'>>(`/jobs/${jobId}/adapter`)
      assert.equal(parent, adapter)
    }
  })

  it('begins with a datanet or an adapter, and not with both', async () => {
    const both = await finetune(datanet, '--from', datanet)
    assert.match(both.err, /either a datanet to begin with or --from/)
    const stranger = await finetune('--from', datanet)
    assert.match(stranger.err, /knows of no batch that settles its fine-tune/)
    const blind = await finetune(datanet, '--parts', '2')
    assert.match(blind.err, /--parts needs --steps/)
  })
})
