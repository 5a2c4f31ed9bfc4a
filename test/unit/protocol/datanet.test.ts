import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { cutExamples } from '../../../protocol/datanet.ts'

const SEED = new Uint8Array(32)
const EXAMPLE = { exampleTokens: 16 }

/** How many examples each of so many contributions gives that could give so many. */
function given(wanted: readonly number[], maxExamples: number): number[] {
  const texts = wanted.map((want) => new Int32Array(17 * want + 3))
  const examples = cutExamples(texts, { ...EXAMPLE, maxExamples }, SEED)
  return wanted.map((_, index) => {
    return examples.filter(({ contribution }) => contribution === index).length
  })
}

describe('examples of a datanet', () => {
  it('are given by turns, each contribution as long as it has some', () => {
    assert.deepEqual(given([9, 0, 2, 1, 5], 100), [9, 0, 2, 1, 5])
    assert.deepEqual(given([9, 0, 2, 1, 5], 3), [1, 0, 1, 1, 0])
    assert.deepEqual(given([9, 0, 2, 1, 5], 8), [3, 0, 2, 1, 2])
    assert.deepEqual(given([9, 0, 2, 1, 5], 13), [5, 0, 2, 1, 5])
    assert.deepEqual(given([9], 4), [4])
    assert.deepEqual(given([0, 0], 4), [0, 0])
  })

  it('are cut soon, though one text is long and the others are too short to give any', () => {
    const short = new Int32Array(10)
    const texts = [new Int32Array(256 * 1024), ...Array.from({ length: 50_000 }, () => short)]
    const before = process.cpuUsage()
    cutExamples(texts, { ...EXAMPLE, maxExamples: 32_768 }, SEED)
    // It takes a twentieth of that; with a look at each text in each turn, many times as much.
    assert.ok(process.cpuUsage(before).user < 1e6)
  })
})
