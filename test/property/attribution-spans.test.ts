import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { Span } from '../../protocol/answer.ts'
import type { Address } from '../../protocol/fields.ts'
import { AttributionError } from '../../worker/attribution/errors.ts'
import { citedSpans } from '../../worker/attribution/provenance.ts'
import {
  buildSpanIndex,
  contributionAt,
  earliest,
  findRange,
  longestMatch,
} from '../../worker/attribution/span-index.ts'
import { spanTree } from '../../worker/attribution/span-tree.ts'
import { suffixArray } from '../../worker/attribution/suffix-array.ts'

const ACCOUNT = `0x${'1'.repeat(40)}` as Address

/** Texts over alphabets small enough that runs come again. */
const tokens = (maxLength: number, symbols = 3) => fc.array(fc.nat(symbols - 1), { maxLength })
const corpus = fc.array(tokens(30), { minLength: 1, maxLength: 8 })

const named = (contributions: readonly unknown[]) =>
  contributions.map((_, i) => ({ contributor: ACCOUNT, name: `text ${i}` }))

/** All places where a run stands, as [contribution, offset]. */
function places(contributions: readonly number[][], run: readonly number[]): [number, number][] {
  return contributions.flatMap((text, number) =>
    Array.from({ length: Math.max(0, text.length - run.length + 1) }, (_, at) => at)
      .filter((at) => run.every((token, i) => text[at + i] === token))
      .map((at): [number, number] => [number, at]),
  )
}

/** Every run of the answer that stands in the corpus and in no longer one that does. */
function slowSpans(contributions: number[][], answer: number[], minTokens: number): Span[] {
  const found: Span[] = []
  const holds = (start: number, end: number) =>
    start >= 0 && end <= answer.length && places(contributions, answer.slice(start, end)).length > 0
  for (let start = 0; start < answer.length; start++) {
    for (let end = start + minTokens; end <= answer.length; end++) {
      if (!holds(start, end) || holds(start - 1, end) || holds(start, end + 1)) continue
      const all = places(contributions, answer.slice(start, end))
      const contribution = Math.min(...all.map(([number]) => number))
      const name = `text ${contribution}`
      const place = suffixesBelow(contributions, answer.slice(start, end))
      const span = { start, end, place, occurrences: all.length, contribution }
      found.push({ ...span, contributor: ACCOUNT, name })
    }
  }
  return found
}

/** How many suffixes of all texts, each with its end, come before those that begin with the run. */
function suffixesBelow(contributions: readonly number[][], run: readonly number[]): number {
  const text = Int32Array.from(contributions.flatMap((list) => [...list.map((t) => t + 1), 0]))
  const symbols = run.map((token) => token + 1)
  return slowSuffixArray(text).findIndex((at) => symbols.every((s, i) => text[at + i] === s))
}

function slowSuffixArray(text: Int32Array): number[] {
  const compare = (a: number, b: number): number => {
    for (let i = 0; a + i < text.length && b + i < text.length; i++) {
      if (text[a + i] !== text[b + i]) return text[a + i]! - text[b + i]!
    }
    return b - a
  }
  return [...text.keys()].sort(compare)
}

describe('suffix array', () => {
  it('is that of a plain sort', () => {
    const any = fc.oneof(tokens(60, 2), tokens(60, 4), tokens(200, 50))
    fc.assert(
      fc.property(any, (list) => {
        const text = Int32Array.from(list)
        assert.deepEqual([...suffixArray(text, 50)], slowSuffixArray(text))
      }),
      { numRuns: 500 },
    )
  })

  it('is that of a plain sort for periodic texts and Fibonacci words', () => {
    const [fibonacci] = Array.from({ length: 12 }).reduce<[number[], number[]]>(
      ([a, b]) => [[...a, ...b], a],
      [[0, 1], [0]],
    )
    const period = (length: number, every: number) =>
      Array.from({ length }, (_, i) => (i % every) % 3)
    const texts = [fibonacci, period(300, 1), period(300, 2), period(300, 7), period(301, 150)]
    for (const list of texts) {
      const text = Int32Array.from(list)
      assert.deepEqual([...suffixArray(text, 3)], slowSuffixArray(text))
    }
  })

  it('takes time in proportion to hostile texts too', () => {
    const length = 300_000
    const texts = [
      new Int32Array(length).fill(1),
      Int32Array.from({ length }, (_, i) => i % 2),
      Int32Array.from({ length }, (_, i) => (i * i) % 7),
      Int32Array.from({ length }, (_, i) => length - i),
    ]
    const before = process.cpuUsage()
    for (const text of texts) suffixArray(text, length + 1)
    const { user } = process.cpuUsage(before)
    // Comparing suffixes would take the square: hours. This takes a tenth of a second.
    assert.ok(user < 5e6, `${user / 1e6} s`)
  })
})

describe('span index', () => {
  it('finds exactly the places that hold a run', () => {
    fc.assert(
      fc.property(corpus, tokens(6), (contributions, run) => {
        fc.pre(run.length > 0)
        const index = buildSpanIndex(contributions)
        const { lo, hi } = findRange(index, run, 0, run.length)
        const found = [...index.suffixes.subarray(lo, hi)].map((at): [number, number] => {
          const number = contributionAt(index, at)
          return [number, at - index.starts[number]!]
        })
        const order = (a: [number, number], b: [number, number]) => a[0] - b[0] || a[1] - b[1]
        assert.deepEqual(found.sort(order), places(contributions, run))
      }),
      { numRuns: 500 },
    )
  })

  it('finds how far a run goes on', () => {
    fc.assert(
      fc.property(corpus, tokens(20), (contributions, answer) => {
        fc.pre(answer.length > 0)
        const index = buildSpanIndex(contributions)
        const lengths = answer
          .map((_, i) => i + 1)
          .filter((n) => places(contributions, answer.slice(0, n)).length > 0)
        assert.equal(longestMatch(index, answer, 0), lengths.at(-1) ?? 0)
      }),
      { numRuns: 300 },
    )
  })

  it('cites all maximal runs, with their count and their first contribution', () => {
    fc.assert(
      fc.property(
        corpus,
        tokens(25),
        fc.integer({ min: 1, max: 5 }),
        (contributions, answer, minTokens) => {
          const index = buildSpanIndex(contributions)
          const spans = citedSpans(index, named(contributions), answer, {
            minTokens,
            maxSpans: 1000,
          })
          assert.deepEqual(spans, slowSpans(contributions, answer, minTokens))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('cites the longest runs where there are too many, of equals the first', () => {
    fc.assert(
      fc.property(corpus, tokens(25), fc.nat(4), (contributions, answer, maxSpans) => {
        const index = buildSpanIndex(contributions)
        const spans = citedSpans(index, named(contributions), answer, { minTokens: 2, maxSpans })
        const longest = slowSpans(contributions, answer, 2)
          .sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start)
          .slice(0, maxSpans)
          .sort((a, b) => a.start - b.start)
        assert.deepEqual(spans, longest)
      }),
    )
  })

  it('knows the earliest place of a long range as of a short one', () => {
    const text = fc.array(fc.nat(2), { minLength: 900, maxLength: 1000 })
    fc.assert(
      fc.property(text, fc.nat(999), fc.nat(999), (tokens, a, b) => {
        const index = buildSpanIndex([tokens])
        const lo = Math.min(a, b, tokens.length)
        const hi = Math.min(Math.max(a, b), tokens.length) + 1
        assert.equal(earliest(index, { lo, hi }), Math.min(...index.suffixes.subarray(lo, hi)))
      }),
    )
  })

  it('counts many occurrences as it counts few', () => {
    const contributions = Array.from({ length: 400 }, (_, i) => (i === 0 ? [9] : [7, 8, 7, 8]))
    const index = buildSpanIndex(contributions)
    const spans = citedSpans(index, named(contributions), [7, 8], { minTokens: 2, maxSpans: 1 })
    assert.deepEqual(
      spans.map(({ occurrences, contribution }) => [occurrences, contribution]),
      [[798, 1]],
    )
  })

  it('cites nothing for tokens that no text holds', () => {
    const index = buildSpanIndex([[1, 2, 3]])
    for (const answer of [[], [5], [2 ** 31], [2 ** 53], [4, 4, 4]]) {
      assert.deepEqual(citedSpans(index, named([0]), answer, { minTokens: 1, maxSpans: 9 }), [])
    }
    assert.deepEqual(citedSpans(buildSpanIndex([]), [], [1, 2, 3]), [])
  })

  it('never lets a run cross from one contribution to the next', () => {
    const index = buildSpanIndex([
      [1, 2],
      [3, 4],
    ])
    const spans = citedSpans(index, named([0, 0]), [1, 2, 3, 4], { minTokens: 1, maxSpans: 9 })
    assert.deepEqual(
      spans.map(({ start, end }) => [start, end]),
      [
        [0, 2],
        [2, 4],
      ],
    )
    const code = (act: () => unknown) =>
      assert.throws(act, (error) => error instanceof AttributionError && error.code === 'bad-token')
    for (const bad of [-1, 0.5, Number.NaN]) {
      code(() => citedSpans(index, named([0, 0]), [2, bad, 3]))
      code(() => buildSpanIndex([[1, bad]]))
    }
    code(() => buildSpanIndex([[2 ** 20]]))
    assert.throws(() => citedSpans(index, named([0]), [1]), AttributionError)
  })
})

describe('span tree', () => {
  it('commits texts, order and borders of contributions', () => {
    const roots = [[[1, 2], [3]], [[1], [2, 3]], [[3], [1, 2]], [[1, 2, 3]], [[1, 2], [3], []]].map(
      (texts) => spanTree(buildSpanIndex(texts)).root,
    )
    assert.equal(new Set(roots).size, roots.length)
  })
})
