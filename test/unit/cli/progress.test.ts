import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { startProgress } from '../../../worker/cli/progress.ts'

describe('a bar of progress', () => {
  /** What is written on a terminal by these updates, without colours. */
  const written = (updates: readonly number[], columns = 80): string[] => {
    const lines: string[] = []
    const terminal = { isTTY: true, columns, write: (text: string) => lines.push(text) }
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

  it('keeps to one line of a narrow terminal', () => {
    const widths = [12, 22, 30, 80].map((columns) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor takes no room.
      return written([40], columns)[0]!.replace(/[\r]|\x1b\[[0-9;]*[mK]/g, '').length
    })
    assert.deepEqual(widths, [11, 15, 29, 44])
  })
})
