import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import type { Adapter } from '../../protocol/adapter.ts'
import { tributary } from '../harness/program.ts'
import { SmallNetwork } from '../harness/small-network.ts'

const STEPS = 6

describe('a fine-tune that is ordered in parts', () => {
  const network = new SmallNetwork('parts')
  let datanet: string

  before(async () => {
    await network.start()
    datanet = await network.publish(4)
  })

  after(() => network.stop())

  const finetune = (...words: string[]) =>
    tributary(network.folder, ['finetune', ...words, '--node', network.client.url])

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
    const jobs = await network.client.get<{ jobId: string; adapter: string }[]>('/jobs')
    const parents = jobs.map(({ adapter }) => adapter).filter((adapter) => adapter !== '')
    assert.equal(parents.length, 3)
    for (const { jobId, adapter } of jobs) {
      const { parent } = await network.client.get<Pick<Adapter, 'parent'>>(`/jobs/${jobId}/adapter`)
      assert.equal(parent, adapter)
    }
  })

  it('says so in its receipt', async () => {
    const jobs = await network.client.get<{ jobId: string; adapter: string }[]>('/jobs')
    const { jobId, adapter } = jobs.at(-1)!
    const file = join(network.folder, 'part.car')
    const words = ['receipt', jobId, file, '--node', network.client.url]
    const kept = await tributary(network.folder, words)
    assert.equal(kept.code, 0, kept.err)
    const verified = await tributary(network.folder, ['verify', file])
    assert.equal(verified.code, 0, verified.out)
    assert.ok(verified.out.includes(`going on behind step 2 from ${adapter}`), verified.out)
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
