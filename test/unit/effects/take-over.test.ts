import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'mocha'
import { pino } from 'pino'
import type { Cid } from '../../../protocol/fields.ts'
import { Progress } from '../../../protocol/progress.ts'
import { performFollow, takeOver } from '../../../worker/effects/take-over.ts'
import { TuneJournal } from '../../../worker/effects/tune-journal.ts'
import { trainSegments } from '../../../worker/effects/tune-segments.ts'
import { encodeState, type Run, stateHash } from '../../../worker/effects/tuning.ts'
import { runWith } from '../../harness/courses.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { hashNumber } from '../../harness/messages.ts'

const JOB = hashNumber(1)
const { signal } = new AbortController()
const LOG = pino({ level: 'silent' })

describe('taking over a fine-tune', () => {
  const folder = testFolder('take-over')
  afterEach(() => removeFolder(folder))

  let workers = 0
  const journal = (): TuneJournal => new TuneJournal(`${folder}/${workers++}`)

  /** Trains until it is stopped at a step. @returns what the worker told of, in turn */
  async function stoppedAt(failAt: number, content: MemoryContent, own = journal()) {
    const told: Cid[] = []
    const run = runWith({ patience: 0, failAt })
    const hooks = { signal, onStep: () => {}, onStored: (cid: Cid) => told.push(cid) }
    await assert.rejects(trainSegments(run, content, own, JOB, hooks), /on purpose/)
    return told
  }

  /** Trains to the end. @returns the steps that were taken, and what came of them */
  async function finish(content: MemoryContent, states: readonly Cid[], own = journal()) {
    const steps: number[] = []
    const run = runWith({ patience: 0, steps })
    const training = await trainSegments(run, content, own, JOB, {
      signal,
      onStep: () => {},
      onStored: () => {},
      takeOver: (on: Run, known: number) =>
        takeOver(on, content, { jobId: JOB, known, states, signal, log: LOG }),
    })
    return { steps, training }
  }

  it('goes on from the last segment, after it and another were trained again', async () => {
    const content = new MemoryContent()
    const told = await stoppedAt(7, content)
    assert.equal(told.length, 3)
    const whole = await finish(content, [])
    assert.equal(whole.steps.length, 9)
    const { steps, training } = await finish(content, [told.at(-1)!])
    assert.deepEqual(training, whole.training)
    // Two steps of the last segment and of one that was drawn, and then those that were left.
    assert.deepEqual(steps.slice(0, 2), [4, 5])
    assert.deepEqual(steps.slice(-3), [6, 7, 8])
    const drawn = steps.slice(2, -3)
    if (drawn.length > 0) assert.ok(drawn[0]! < 4 && drawn[1] === drawn[0]! + 1)
  })

  it('takes nothing over that is false, and begins anew', async () => {
    const content = new MemoryContent()
    const [told] = await stoppedAt(3, content)
    const progress = await content.get(Progress, told!, { signal })
    const [start, end] = progress.states as [Progress['states'][0], Progress['states'][0]]
    const lies: Partial<Progress>[] = [
      { jobId: hashNumber(2) },
      { seed: hashNumber(9) },
      { graph: hashNumber(9) },
      { stateBytes: 24 },
      { seals: [] },
      { seals: [hashNumber(5)] },
      { losses: [0] },
      { losses: [0, 7] },
      { heldOutLosses: [1, 1] },
      { states: [end, start] },
      { states: [start, { ...end, hash: hashNumber(5) }] },
      { states: [start] },
    ]
    for (const lie of lies) {
      const cid = await content.put(Progress, { ...progress, ...lie })
      const { steps, training } = await finish(content, [cid])
      const all = [0, 1, 2, 3, 4, 5, 6, 7, 8]
      assert.deepEqual(training.progress.losses, all, JSON.stringify(lie))
      assert.deepEqual(steps.slice(-9), all, JSON.stringify(lie))
    }
  })

  it('tries the next where one is not to be had, or is none', async () => {
    const content = new MemoryContent()
    const told = await stoppedAt(5, content)
    const lost = await stoppedAt(7, new MemoryContent())
    const rubbish = await content.putFile(Uint8Array.of(1, 2, 3))
    const { steps } = await finish(content, [lost.at(-1)!, rubbish, told.at(-1)!])
    assert.deepEqual(steps.slice(-5), [4, 5, 6, 7, 8])
  })

  it('is not stopped by states that nothing can be trained from, all of them or the last alone', async () => {
    for (const weight of [Number.NaN, 3e38]) {
      const content = new MemoryContent()
      const told = await stoppedAt(5, content)
      const honest = await content.get(Progress, told.at(-1)!, { signal })
      const forged = async (step: number) => {
        const [theta, m, v] = [Float32Array.of(weight), Float32Array.of(0), Float32Array.of(0)]
        const state = { theta, m, v, step }
        return { hash: stateHash(state), cid: await content.putFile(encodeState(state)) }
      }
      const [start, ...rest] = honest.states
      const seals = [...honest.seals, hashNumber(5)]
      const all = [start!, await forged(2), await forged(4), await forged(6)]
      const last = [start!, ...rest, await forged(6)]
      // Whichever segment is drawn.
      for (const states of [all, last, all, last, all, last, all, last]) {
        const poisoned = { ...honest, states, seals, losses: [0, 1, 2, 3, 4, 5] }
        const cid = await content.put(Progress, poisoned)
        const anew = await finish(content, [cid])
        assert.deepEqual(anew.training.progress.losses, [0, 1, 2, 3, 4, 5, 6, 7, 8])
        const { steps } = await finish(content, [cid, told.at(-1)!])
        assert.deepEqual(steps.slice(-5), [4, 5, 6, 7, 8])
      }
    }
  })

  it('leaves aside what is no further than what this worker has itself', async () => {
    const content = new MemoryContent()
    const told = await stoppedAt(3, content)
    const own = journal()
    await stoppedAt(5, content, own)
    const { steps } = await finish(content, told, own)
    assert.deepEqual(steps, [4, 5, 6, 7, 8])
  })

  it('is possible though the worker and all that it had are gone', async () => {
    const [theirs, ours] = [new MemoryContent(), new MemoryContent()]
    const told = await stoppedAt(5, theirs)
    // What is fetched from another is held by who fetched it.
    const getFile = theirs.getFile.bind(theirs)
    theirs.getFile = async (...asked) => {
      const file = await getFile(...asked)
      await ours.putFile(file)
      return file
    }
    const follow = performFollow(theirs, LOG)
    for (const state of told) {
      const event = await follow({ kind: 'follow', duty: 'follow', jobId: JOB, state }, signal)
      assert.deepEqual(event, { kind: 'followed', jobId: JOB, state })
    }
    const state = await ours.put(Progress, await theirs.get(Progress, told.at(-1)!, { signal }))
    const { steps } = await finish(ours, [state])
    assert.deepEqual(steps.slice(-5), [4, 5, 6, 7, 8])
  })
})
