import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, it } from 'mocha'
import { TuneJournal } from '../../../worker/effects/tune-journal.ts'
import { trainSegments } from '../../../worker/effects/tune-segments.ts'
import type { Run } from '../../../worker/effects/tuning.ts'
import { BOUNDARIES, runWith } from '../../harness/courses.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { hashNumber } from '../../harness/messages.ts'

const JOB = hashNumber(1)

describe('the segments of a fine-tune', () => {
  const folder = testFolder('segments')
  afterEach(() => removeFolder(folder))

  it('go to the end without patience, and the last state is the adapter', async () => {
    const { theta, progress } = await go(runWith({ patience: 0 }))
    assert.equal(progress.states.length, BOUNDARIES.length)
    assert.deepEqual(progress.losses, [0, 1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(progress.heldOutLosses, [])
    assert.equal(theta[0], 9)
  })

  it('end when patience runs out, and the best state is the adapter', async () => {
    const heldOut = { 0: 5, 2: 3, 4: 3.5, 6: 3.25, 8: 1, 9: 1 }
    const { theta, progress } = await go(runWith({ patience: 2, heldOut }))
    assert.deepEqual(progress.heldOutLosses, [5, 3, 3.5, 3.25])
    assert.equal(progress.losses.length, 6)
    assert.equal(theta[0], 2)
    const patient = await go(
      runWith({ patience: 3, heldOut }),
      new TuneJournal(join(folder, 'other')),
    )
    assert.equal(patient.progress.states.length, BOUNDARIES.length)
    assert.equal(patient.theta[0], 8)
  })

  it('are not gone through again after a stop: the work goes on from the last state', async () => {
    const content = new MemoryContent()
    const journal = new TuneJournal(folder)
    const steps: number[] = []
    const broken = runWith({ patience: 0, failAt: 5, steps })
    await assert.rejects(go(broken, journal, content), /on purpose/)
    assert.deepEqual(steps, [0, 1, 2, 3, 4])
    const resumed = await go(runWith({ patience: 0, steps }), journal, content)
    // Step 4 was lost with its segment; what came before was not repeated.
    assert.deepEqual(steps, [0, 1, 2, 3, 4, 4, 5, 6, 7, 8])
    const whole = await go(
      runWith({ patience: 0 }),
      new TuneJournal(join(folder, 'other')),
      content,
    )
    assert.deepEqual(resumed, whole)
    journal.forget(JOB)
    assert.equal(journal.read(JOB), undefined)
  })

  it('begin anew where the notes are of another run, torn, or their state is gone', async () => {
    const journal = new TuneJournal(folder)
    const stopped = async (content: MemoryContent): Promise<void> => {
      const broken = runWith({ patience: 0, failAt: 5 })
      await assert.rejects(go(broken, journal, content), /on purpose/)
    }
    const stepsOf = async (change: Partial<Run>, content: MemoryContent): Promise<number> => {
      const steps: number[] = []
      await go({ ...runWith({ patience: 0, steps }), ...change }, journal, content)
      return steps.length
    }
    const content = new MemoryContent()
    await stopped(content)
    assert.equal(await stepsOf({ seed: hashNumber(9) }, content), 9)
    journal.forget(JOB)
    await stopped(content)
    assert.equal(await stepsOf({}, new MemoryContent()), 9)
    journal.forget(JOB)
    await stopped(content)
    writeFileSync(join(folder, `${JOB}.json`), '{"seed":')
    assert.equal(await stepsOf({}, content), 9)
  })

  async function go(run: Run, journal = new TuneJournal(folder), content = new MemoryContent()) {
    const { signal } = new AbortController()
    return trainSegments(run, content, journal, JOB, { signal, onStep: () => {} })
  }
})
