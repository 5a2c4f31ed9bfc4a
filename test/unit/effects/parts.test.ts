import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import type { Result } from '../../../coordinator-free/events.ts'
import { Adapter, boundariesOf } from '../../../protocol/adapter.ts'
import type { Cid } from '../../../protocol/fields.ts'
import { type Hash, ZERO_HASH } from '../../../protocol/hash.ts'
import type { Job } from '../../../protocol/job.ts'
import { FineTuneSpec } from '../../../protocol/tuning.ts'
import { boundariesRoot } from '../../../protocol/witness.ts'
import { checkTune } from '../../../worker/effects/check-tune.ts'
import { executeTune } from '../../../worker/effects/tune.ts'
import { hashNumber, jobNumber } from '../../harness/messages.ts'
import { SEED, TUNE_ID, Workshop } from '../../harness/workshop.ts'

const { signal } = new AbortController()
const SECOND_ID = hashNumber(7)
/** A later job has a seed block of its own, of which nothing follows. */
const LATER = hashNumber(8)

describe('a run in parts', () => {
  let shop: Workshop
  let spec: FineTuneSpec
  /** The whole run in one job, and its two halves. */
  let whole: Adapter
  let first: Result
  let second: Result
  let secondJob: Job

  before(async () => {
    shop = await Workshop.open()
    spec = await shop.content.get(FineTuneSpec, shop.tuneJob.input, { signal })
    whole = await shop.adapter()
    const half = { steps: 2 }
    first = await train(TUNE_ID, await ordered(half), SEED)
    secondJob = await ordered(half, first.output)
    second = await train(SECOND_ID, secondJob, LATER)
  })

  after(() => shop?.close())

  async function ordered(change: Partial<FineTuneSpec>, adapter: Cid | '' = ''): Promise<Job> {
    const input = await shop.content.put(FineTuneSpec, { ...spec, ...change })
    return jobNumber(3, 10, { ...shop.tuneJob, input, adapter })
  }

  function train(jobId: Hash, job: Job, seed: Hash): Promise<Result> {
    const hooks = { signal, onProgress: () => {} }
    return executeTune(shop.knowledge, shop.content, jobId, job, seed, hooks)
  }

  const read = (output: Cid): Promise<Adapter> => shop.content.get(Adapter, output, { signal })

  /** What a validator says of the second part, changed like this, its claim made to fit. */
  async function verdictOn(change: Partial<Adapter>): Promise<string> {
    const document = { ...(await read(second.output)), ...change }
    const output = await shop.content.put(Adapter, document)
    const commitment = boundariesRoot(boundariesOf(document))
    const claim = shop.claim(SECOND_ID, { ...second, output, commitment })
    const options = { signal, seed: LATER, beacon: new Uint8Array(32) }
    const { knowledge, content } = shop
    const { verdict, reason } = await checkTune(knowledge, content, secondJob, claim, options)
    return `${verdict} ${reason}`
  }

  it('ends in the same bits as in one job, whatever the later job is seeded with', async () => {
    const [one, two] = [await read(first.output), await read(second.output)]
    const hashes = (part: Adapter) => part.states.map(({ hash }) => hash)
    assert.deepEqual([...hashes(one), ...hashes(two).slice(1)], hashes(whole))
    assert.deepEqual([...one.losses, ...two.losses], whole.losses)
    assert.deepEqual([one.firstStep, two.firstStep, two.parent], [0, 2, first.output])
    assert.equal(two.seed, SEED)
  })

  it('is paid part by part', () => {
    const half = whole.losses.length * spec.batchExamples * spec.exampleTokens * 0.5
    assert.deepEqual([first.units, second.units], [half, half])
  })

  it('is checked like a run of its own, its beginning too', async () => {
    assert.equal(await verdictOn({}), 'pass none')
    assert.equal(await verdictOn({ parent: '' }), 'fail wrong-input')
    assert.equal(await verdictOn({ firstStep: 0 }), 'fail wrong-input')
    assert.equal(await verdictOn({ seed: LATER }), 'fail wrong-input')
    const states = (await read(first.output)).states
    assert.equal(await verdictOn({ states }), 'fail segments-differ')
  })

  it('goes on with no other run, and not behind its end', async () => {
    const refused = (change: Partial<FineTuneSpec>, parent: Cid, message: RegExp) =>
      assert.rejects(async () => train(SECOND_ID, await ordered(change, parent), LATER), {
        ...{ name: 'EngineError', code: 'bad-input', message },
      })
    const rate = { ...spec.optimiser, learningRate: 0.02 }
    await refused({ steps: 2, optimiser: rate }, first.output, /optimiser is not as in the run/)
    await refused({ steps: 2, runSteps: 8 }, first.output, /runSteps is not as in the run/)
    await refused({ steps: 3 }, first.output, /of 4 steps 2 are done, so 3 are too many/)
    await refused({ steps: 1 }, second.output, /of 4 steps 4 are done/)
    const one = await read(first.output)
    const alien = await shop.content.put(Adapter, { ...one, base: spec.datanet })
    await refused({ steps: 2 }, alien, /is of another base model/)
    const [start, end] = one.states
    const forged = { ...one, states: [start!, { ...end!, hash: ZERO_HASH }] }
    await refused({ steps: 2 }, await shop.content.put(Adapter, forged), /has another hash/)
  })
})
