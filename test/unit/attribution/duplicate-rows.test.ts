import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { Duplicate } from '../../../protocol/adapter.ts'
import type { Random } from '../../../protocol/prng.ts'
import { emptyDuplicates } from '../../../worker/attribution/duplicate-rows.ts'
import { normal, stream } from './synthetic.ts'

/** More than the signs that are compared, which a row is folded to. */
const WIDTH = 2500

type Row = readonly number[]

const fresh = (source: Random, width = WIDTH): Row =>
  Array.from({ length: width }, () => 12 * normal(source))

/** A row at this cosine to another, or about. */
function near(row: Row, cosine: number, source: Random): Row {
  const rest = Math.sqrt(1 - cosine ** 2)
  return row.map((value) => cosine * value + rest * 12 * normal(source))
}

interface Given {
  readonly contribution: number
  readonly row: Row
  readonly isDecoy?: boolean
}

function given(contribution: number, ...rows: Row[]): Given[] {
  return rows.map((row) => ({ contribution, row }))
}

/** What is found, and the places of rows that are empty afterwards; all others must be as they were. */
function emptied(all: readonly Given[], width = WIDTH) {
  const rows = Int8Array.from(all.flatMap(({ row }) => row.map(clip)))
  const before = rows.slice()
  const contributions = all.map(({ contribution }) => contribution)
  const trained = all.map(({ isDecoy = false }) => !isDecoy)
  const duplicates = emptyDuplicates(rows, width, contributions, trained)
  const at = (of: Int8Array, place: number) => of.subarray(place * width, (place + 1) * width)
  const empty = all.flatMap((_, place) =>
    at(rows, place).every((value) => value === 0) ? [place] : [],
  )
  for (const place of all.keys()) {
    if (!empty.includes(place)) assert.deepEqual(at(rows, place), at(before, place))
  }
  return { duplicates, empty }
}

const clip = (value: number): number => Math.max(-127, Math.min(127, Math.round(value)))

const NOTHING = { duplicates: [], empty: [] }

describe('rows that say an earlier contribution again', () => {
  const source = stream('duplicates')
  const [a, b, c, d] = [fresh(source), fresh(source), fresh(source), fresh(source)]

  it('are empty in the later one, whichever rows come first', () => {
    const copy = [near(a, 0.6, source), near(b, 0.6, source)]
    const found: Duplicate[] = [{ contribution: 7, earlier: 2, rows: 2 }]
    const forwards = emptied([...given(2, a, b), ...given(7, ...copy)])
    assert.deepEqual(forwards, { duplicates: found, empty: [2, 3] })
    const backwards = emptied([...given(7, ...copy), ...given(2, a, b)])
    assert.deepEqual(backwards, { duplicates: found, empty: [0, 1] })
  })

  it('stay where they only resemble it', () => {
    assert.deepEqual(emptied([...given(0, a, b), ...given(1, near(a, 0.15, source), c)]), NOTHING)
    const against = a.map((value) => -value)
    assert.deepEqual(emptied([...given(0, a, b), ...given(1, against)]), NOTHING)
  })

  it('are told by their sum where each row alone is too faint', () => {
    const texts = Array.from({ length: 16 }, () => fresh(source))
    const whole = texts[0]!.map((_, i) => texts.reduce((sum, row) => sum + row[i]!, 0) / 4)
    const faint = texts.map(() => near(whole, 0.16, source))
    const { duplicates, empty } = emptied([...given(0, ...texts), ...given(1, ...faint)])
    assert.deepEqual(duplicates, [{ contribution: 1, earlier: 0, rows: 16 }])
    assert.equal(empty.length, 16)
  })

  it('are told by sums of any length', () => {
    const many = Array.from({ length: 40 }, () => a)
    const faint = many.map(() => near(a, 0.2, source))
    const { empty } = emptied([...given(0, ...many), ...given(1, ...faint)])
    assert.equal(empty.length, faint.length)
  })

  it('are found by themselves in the midst of something new', () => {
    const rows = [c, d, fresh(source), fresh(source), near(b, 0.7, source), fresh(source)]
    const { duplicates, empty } = emptied([...given(0, a, b), ...given(1, ...rows)])
    assert.deepEqual(duplicates, [{ contribution: 1, earlier: 0, rows: 1 }])
    assert.deepEqual(empty, [6])
  })

  it('are found in a copy that is cut in pieces', () => {
    const texts = Array.from({ length: 9 }, () => fresh(source))
    const pieces = texts.flatMap((row, i) => given(1 + i, near(row, 0.5, source)))
    assert.equal(emptied([...given(0, ...texts), ...pieces]).empty.length, texts.length)
  })

  it('name the first that they are like, which may be a copy itself', () => {
    const copies = [...given(1, near(a, 0.9, source)), ...given(2, near(a, 0.9, source))]
    const found = [1, 2].map((contribution) => ({ contribution, earlier: 0, rows: 1 }))
    assert.deepEqual(emptied([...given(0, a), ...copies]).duplicates, found)
    const second = near(a, 0.4, source)
    const others = () => [fresh(source), fresh(source), fresh(source)]
    const chain = [
      ...given(0, a, ...others()),
      ...given(1, second, ...others()),
      ...given(2, near(second, 0.4, source), ...others()),
    ]
    assert.deepEqual(emptied(chain).duplicates, [
      { contribution: 1, earlier: 0, rows: 1 },
      { contribution: 2, earlier: 1, rows: 1 },
    ])
  })

  it('are told by the sum of a copy as well', () => {
    const texts = Array.from({ length: 16 }, () => fresh(source))
    const faint = (rows: readonly Row[]): Row[] => {
      const whole = rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / 4)
      return rows.map(() => near(whole, 0.12, source))
    }
    const second = faint(texts)
    const all = [...given(0, ...texts), ...given(1, ...second), ...given(2, ...faint(second))]
    assert.deepEqual(emptied(all).duplicates, [
      { contribution: 1, earlier: 0, rows: 16 },
      { contribution: 2, earlier: 1, rows: 16 },
    ])
  })

  it('are told where they share a few great numbers, and nothing else', () => {
    const great = fresh(source).map((value, i) => (i % 100 === 0 ? Math.sign(value) * 100 : 0))
    const row = () => fresh(source).map((value, i) => great[i]! || value)
    assert.deepEqual(emptied([...given(0, row()), ...given(1, row())]).empty, [1])
  })

  it('are told by where they point, and not by how far', () => {
    const long = near(a, 0.5, source).map((value) => 2.5 * value)
    assert.deepEqual(emptied([...given(0, a), ...given(1, long)]).empty, [1])
    const short = near(a, 0.5, source).map((value) => value / 4)
    assert.deepEqual(emptied([...given(0, a), ...given(1, short)]).empty, [1])
    const faint = near(a, 0.12, source).map((value) => value / 4)
    assert.deepEqual(emptied([...given(0, a), ...given(1, faint)]), NOTHING)
  })

  it('may repeat their own contribution', () => {
    assert.deepEqual(emptied(given(3, a, near(a, 0.9, source), a)), NOTHING)
  })

  it('stay where they are decoys, which show what is earlier all the same', () => {
    const decoy = { contribution: 0, row: a, isDecoy: true }
    const late = { contribution: 1, row: near(a, 0.8, source), isDecoy: true }
    assert.deepEqual(emptied([decoy, ...given(0, b), late, ...given(1, c)]), NOTHING)
    const { empty } = emptied([decoy, ...given(0, b), ...given(1, near(a, 0.8, source), c)])
    assert.deepEqual(empty, [2])
  })

  it('are none among rows without any gradient', () => {
    const nothing = a.map(() => 0)
    const { duplicates } = emptied([
      ...given(0, nothing, nothing),
      ...given(1, nothing),
      ...given(2, a),
    ])
    assert.deepEqual(duplicates, [])
  })

  it('are not taken for copies by chance, however narrow they are', () => {
    for (const width of [8, 40, 100, 300]) {
      const rows = Array.from({ length: 60 }, (_, i) => given(i, fresh(source, width))).flat()
      assert.deepEqual(emptied(rows, width), NOTHING)
    }
  })

  it('are those that comparing each with each finds', () => {
    const item = fc.record({
      contribution: fc.nat(5),
      isDecoy: fc.boolean(),
      of: fc.nat(7),
      cosine: fc.constantFrom(0, 0.15, 0.5, 0.8, 1),
    })
    const check = fc.property(
      fc.array(item, { minLength: 1, maxLength: 12 }),
      fc.nat(),
      (items, seed) => {
        const own = stream(`drawn ${seed}`)
        const texts = Array.from({ length: 8 }, () => fresh(own, DRAWN_WIDTH))
        const all = items.map(({ of, cosine, ...one }) => ({
          ...one,
          row: near(texts[of]!, cosine, own),
        }))
        assert.deepEqual(new Set(emptied(all, DRAWN_WIDTH).empty), eachWithEach(all))
      },
    )
    fc.assert(check, { numRuns: 150 })
  })
})

const DRAWN_WIDTH = 400
/** Six deviations of chance at that width. */
const LEAST = 6 / 20

/** The places of duplicates, by the definition alone; rows are whole numbers as the index holds them. */
function eachWithEach(all: readonly Given[]): Set<number> {
  const whole = all.map(({ row }) => row.map(clip))
  const cosine = (x: Row, y: Row): number =>
    dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y) || Number.POSITIVE_INFINITY)
  const paid = (number: number) =>
    whole.filter((_, i) => all[i]!.contribution === number && !all[i]!.isDecoy)
  const sum = (number: number): Row =>
    paid(number).reduce(
      (total, row) => total.map((value, i) => value + row[i]!),
      whole[0]!.map(() => 0),
    )
  const places = [...all.keys()].filter((place) => {
    const { contribution, isDecoy } = all[place]!
    if (isDecoy) return false
    return [...all.keys()].some((other) => {
      const earlier = all[other]!.contribution
      if (earlier >= contribution) return false
      const bySum = cosine(sum(contribution), sum(earlier)) >= LEAST
      return bySum || cosine(whole[place]!, whole[other]!) >= LEAST
    })
  })
  return new Set(places)
}

function dot(x: Row, y: Row): number {
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0)
}
