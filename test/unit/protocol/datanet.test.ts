import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { cutExamples } from '../../../protocol/datanet.ts'
import { keyNumber } from '../../harness/messages.ts'

const SEED = new Uint8Array(32)
const EXAMPLE = { exampleTokens: 16 }

const [ALICE, BOB] = [1, 2].map((number) => keyNumber(number).address)

/** How many examples each of so many contributions gives that could give so many; each its own contributor's unless told. */
function given(
  wanted: readonly number[],
  maxExamples: number,
  owners = wanted.map((_, index) => keyNumber(index + 1).address),
): number[] {
  const texts = wanted.map((want) => new Int32Array(17 * want + 3))
  const examples = cutExamples(texts, owners, { ...EXAMPLE, maxExamples }, SEED)
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

  it('are given by the turns of contributors: who cuts a text into many files gets no more of them', () => {
    const owners = [ALICE!, BOB!, BOB!, BOB!, BOB!]
    assert.deepEqual(given([9, 2, 2, 2, 3], 6, owners), [3, 1, 1, 1, 0])
    assert.deepEqual(given([9, 2, 2, 2, 3], 14, owners), [7, 2, 2, 2, 1])
    assert.deepEqual(given([2, 2, 2, 2, 3], 10, owners), [2, 2, 2, 2, 2])
    assert.deepEqual(given([9, 2, 2, 2, 3], 99, owners), [9, 2, 2, 2, 3])
  })

  it('take as many as there are and are asked for, and of nobody more than another wants', () => {
    const texts = fc.array(fc.tuple(fc.nat(20), fc.nat(4)), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 300 }), (drawn, limit) => {
        const wanted = drawn.map(([want]) => want)
        const owners = drawn.map(([, owner]) => keyNumber(owner + 1).address)
        const taken = given(wanted, limit, owners)
        const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
        assert.equal(sum(taken), Math.min(limit, sum(wanted)))
        assert.ok(taken.every((count, index) => count <= wanted[index]!))
        const totals = new Map<string, number>()
        for (const [index, owner] of owners.entries()) {
          totals.set(owner, (totals.get(owner) ?? 0) + taken[index]!)
        }
        const short = owners.filter((_, index) => taken[index]! < wanted[index]!)
        const most = Math.max(...totals.values())
        for (const owner of short) assert.ok(totals.get(owner)! >= most - 1)
      }),
    )
  })

  it('are texts as they stand where these are shorter, but not the rests of longer ones', () => {
    const text = (length: number) => Int32Array.from({ length }, (_, place) => 100 * length + place)
    const texts = [16, 17, 64, 65, 66, 129, 130].map(text)
    const owners = texts.map(() => ALICE!)
    const spec = { exampleTokens: 64, maxExamples: 100 }
    const examples = cutExamples(texts, owners, spec, SEED)
    const sizes = examples.map(({ contribution, tokens }) => [contribution, tokens.length])
    assert.deepEqual(sizes, [
      [1, 17],
      [2, 64],
      [3, 65],
      [4, 65],
      [5, 65],
      [6, 65],
      [6, 65],
    ])
    assert.deepEqual(examples[1]!.tokens, [...texts[2]!])
    assert.deepEqual(examples[6]!.tokens, [...texts[6]!].slice(65))
  })

  it('are cut soon, though one text is long and the others are too short to give any', () => {
    const short = new Int32Array(10)
    const texts = [new Int32Array(256 * 1024), ...Array.from({ length: 50_000 }, () => short)]
    const before = process.cpuUsage()
    const owners = texts.map((_, index) => (index === 0 ? ALICE! : BOB!))
    cutExamples(texts, owners, { ...EXAMPLE, maxExamples: 32_768 }, SEED)
    // It takes a twentieth of that; with a look at each text in each turn, many times as much.
    assert.ok(process.cpuUsage(before).user < 1e6)
  })
})
