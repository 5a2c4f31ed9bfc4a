import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { startProgress } from '../../../worker/cli/progress.ts'

describe('a bar of progress', () => {
  /** What is written on a terminal by these updates, without colours. */
  const written = (updates: readonly number[]): string[] => {
    const lines: string[] = []
    const terminal = { isTTY: true, write: (text: string) => lines.push(text) }
    const bar = startProgress('training', terminal as unknown as NodeJS.WriteStream)
    for (const done of updates) {
      bar.update(done, 100)
      const drawnMs = performance.now()
      while (performance.now() - drawnMs < 110)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
    return lines
  }

  it('tells what is left by what was done since it began, not by what was there already', () => {
    const [first, second, third] = written([40, 41, 60])
    assert.match(first!, /40\/100$/)
    assert.match(second!, /41\/100$/)
    assert.match(third!, /60\/100, [\d.]+ s left$/)
  })
})
