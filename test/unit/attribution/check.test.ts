import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Address } from '../../../protocol/fields.ts'
import { keccak, utf8, ZERO_HASH } from '../../../protocol/hash.ts'
import {
  type AttributionFault,
  CHECKED_ROWS,
  type Checked,
  checkAnswer,
  checkFeatures,
  checkIndex,
  checkSpanIndex,
  earningRowsToCheck,
  rowsToCheck,
} from '../../../worker/attribution/check.ts'
import { toRow } from '../../../worker/attribution/curvature.ts'
import { AttributionError } from '../../../worker/attribution/errors.ts'
import { packed } from '../../../worker/attribution/features.ts'
import { attributeAnswer, buildIndex, scoringIndex } from '../../../worker/attribution/influence.ts'
import { citedSpans } from '../../../worker/attribution/provenance.ts'
import { buildSpanIndex } from '../../../worker/attribution/span-index.ts'
import { spanRoot } from '../../../worker/attribution/span-tree.ts'
import { gradients, normal, ownersOf, stream } from './synthetic.ts'

const EXAMPLES = 100
const SHAPE = { maps: 4, rank: 2, columns: 4 }
const OTHER = { maps: 8, rank: 2, columns: 2 }
const WIDTH = 32

const seed = keccak(utf8('beacon'))
const raw = gradients('check', EXAMPLES, WIDTH)
const features = packed(SHAPE, raw)
const owners = ownersOf(EXAMPLES)
const contributions = owners.map((_, i) => i % 3)
const index = buildIndex(features, owners, contributions)
const feature = (i: number) => raw.subarray(i * WIDTH, (i + 1) * WIDTH)

const fault = (checked: Checked): AttributionFault | 'ok' => (checked.ok ? 'ok' : checked.fault)

describe('check of an index', () => {
  it('draws rows from the beacon: other rows for another seed, all where there are few', () => {
    const rows = rowsToCheck(seed, 1000)
    assert.equal(new Set(rows).size, CHECKED_ROWS)
    assert.deepEqual(rows, rowsToCheck(seed, 1000))
    assert.notDeepEqual(rows, rowsToCheck(keccak(seed), 1000))
    assert.deepEqual(rowsToCheck(seed, 3), [0, 1, 2])
  })

  it('meets junk in one of twenty rows nineteen times out of twenty', () => {
    const caught = Array.from({ length: 400 }, (_, i) =>
      rowsToCheck(keccak(utf8(`beacon ${i}`)), 2000).some((row) => row % 20 === 7),
    )
    const share = caught.filter(Boolean).length / caught.length
    assert.ok(share > 0.92 && share < 0.99, `${share}`)
  })

  it('draws by what rows would earn, too: one that is forged to earn much is met nearly always', () => {
    const source = stream('earning')
    const common = Float64Array.from(gradients('common', 1, 1024), (value) => 1000 * value)
    const forged = 7
    const rows = Int8Array.from({ length: 200 * 1024 }, (_, at) => {
      const along = 16 * common[at % 1024]!
      return Math.floor(at / 1024) === forged ? along : along / 20 + 16 * normal(source)
    })
    const held = { rows, curvature: { ...index.curvature, width: 1024 } }
    const owned = ownersOf(200)
    const drawn = Array.from({ length: 100 }, (_, i) =>
      earningRowsToCheck(keccak(utf8(`beacon ${i}`)), held, owned),
    )
    assert.ok(drawn.filter((some) => some.includes(forged)).length > 80)
    assert.ok(drawn.flat().every((row) => owned[row] !== undefined))
    assert.ok(new Set(drawn.flat()).size > 150)
    assert.deepEqual(earningRowsToCheck(keccak(utf8('beacon 0')), held, owned), drawn[0])
    const nothing = { ...held, rows: new Int8Array(rows.length) }
    assert.deepEqual(earningRowsToCheck(seed, nothing, owned), [])
  })

  it('passes honest features and fails one changed in the last bit', () => {
    const rows = rowsToCheck(seed, EXAMPLES)
    const own = packed(SHAPE, Float32Array.from(rows.flatMap((row) => [...feature(row)])))
    assert.equal(fault(checkFeatures(features, own, rows)), 'ok')
    const numbers = features.numbers.slice()
    numbers[rows[9]! * WIDTH + 3]! ^= 1
    const scales = features.scales.slice()
    new Uint32Array(scales.buffer)[rows[9]! * 4 + 2]! ^= 1
    for (const changed of [{ numbers }, { scales }]) {
      const checked = checkFeatures({ ...features, ...changed }, own, rows)
      assert.equal(fault(checked), 'features')
      assert.ok(!checked.ok && checked.reason.includes(`example ${rows[9]}`))
    }
    const few = packed(SHAPE, raw.subarray(0, 10 * WIDTH))
    assert.equal(fault(checkFeatures(few, own, rows)), 'features')
  })

  it('recomputes curvature, rows and root', () => {
    const { damping, cap, scale } = index.curvature
    const { rows: own, root, duplicates } = index
    const honest = { rows: own, root, damping, cap, scale, duplicates }
    assert.equal(fault(checkIndex(index, honest)), 'ok')
    for (const lie of [{ damping: 2 }, { cap: 1 }, { scale: scale + 1e-9 }]) {
      assert.equal(fault(checkIndex(index, { ...honest, ...lie })), 'root')
    }
    const found = [{ contribution: 1, earlier: 0, rows: 1 }]
    assert.equal(fault(checkIndex(index, { ...honest, duplicates: found })), 'rows')
    const told = { ...index, duplicates: found }
    assert.equal(fault(checkIndex(told, { ...honest, duplicates: found })), 'ok')
    const other = [{ contribution: 1, earlier: 0, rows: 2 }]
    assert.equal(fault(checkIndex(told, { ...honest, duplicates: other })), 'rows')
    const rows = index.rows.slice()
    rows[77]! += 1
    assert.equal(fault(checkIndex(index, { ...honest, rows })), 'rows')
    const short = index.rows.subarray(WIDTH)
    assert.equal(fault(checkIndex(index, { ...honest, rows: short })), 'rows')
    assert.equal(fault(checkIndex(index, { ...honest, root: ZERO_HASH })), 'root')
    assert.equal(
      fault(checkIndex(buildIndex(packed(OTHER, raw), owners, contributions), honest)),
      'rows',
    )
    const fewer = owners.with(4, undefined)
    assert.equal(fault(checkIndex(buildIndex(features, fewer, contributions), honest)), 'rows')
  })

  it('refuses what is no index', () => {
    const source = stream('broken')
    for (let i = 0; i < 100; i++) {
      const broken = raw.slice(0, 1 + source.below(raw.length - 1))
      broken[source.below(broken.length)] = Number.NaN
      assert.throws(() => packed(SHAPE, broken), AttributionError)
    }
    assert.throws(() => buildIndex(features, owners.slice(1), contributions), AttributionError)
  })
})

describe('check of an answer', () => {
  const texts = [
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    [5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  ]
  const contributions = texts.map((_, i) => ({
    contributor: `0x${String(i).repeat(40)}` as Address,
    name: `text ${i}`,
  }))
  const spanIndex = buildSpanIndex(texts)
  const owners = Array.from({ length: EXAMPLES }, (_, i) =>
    i % 16 === 15 ? undefined : contributions[i % 2]!.contributor,
  )
  const scoring = scoringIndex(index, owners)
  const source = { index: scoring, spanIndex, contributions }
  const tokens = [99, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
  const query = toRow(index.curvature, feature(3))
  const answer = {
    tokens,
    query: new Uint8Array(query.buffer),
    attribution: attributeAnswer(scoring, query),
    spans: citedSpans(spanIndex, contributions, tokens),
  }
  const check = (other: object) => fault(checkAnswer({ ...answer, ...other }, feature(3), source))

  it('passes an honest one', () => {
    assert.deepEqual(
      answer.spans.map(({ start, end }) => [start, end]),
      [[1, 10]],
    )
    assert.equal(check({}), 'ok')
  })

  it('fails another query', () => {
    const other = answer.query.slice()
    other[0]! += 1
    assert.equal(check({ query: other }), 'query')
    assert.equal(check({ query: new Uint8Array() }), 'query')
  })

  it('fails shares that were moved, left out or invented', () => {
    const { attribution } = answer
    const [first, second] = attribution.shares as [
      (typeof attribution.shares)[0],
      (typeof attribution.shares)[0],
    ]
    const moved = [
      { ...first, parts: first.parts.with(0, first.parts[0] + 1) as typeof first.parts },
      { ...second, parts: second.parts.with(0, second.parts[0] - 1) as typeof second.parts },
    ]
    // The same score in all, told in other parts.
    const shifted = first.parts.with(1, first.parts[1] + 7).with(3, first.parts[3] - 7)
    const retold = [{ ...first, parts: shifted as typeof first.parts }, second]
    for (const shares of [moved, retold, [first], [], [second, first]]) {
      assert.equal(check({ attribution: { ...attribution, shares } }), 'attribution')
    }
    assert.equal(check({ attribution: { ...attribution, decoySquares: '0' } }), 'attribution')
  })

  it('fails spans that were left out, stretched or given to another', () => {
    const [span] = answer.spans as [(typeof answer.spans)[0]]
    const wrong = [
      [],
      [span, span],
      [{ ...span, end: span.end + 1 }],
      [{ ...span, occurrences: 2 }],
    ]
    const other = [{ ...span, contributor: contributions[1]!.contributor }]
    for (const spans of [...wrong, other]) assert.equal(check({ spans }), 'spans')
  })

  it('rebuilds the span index', () => {
    const own = { root: spanRoot(spanIndex), tokens: 20 }
    assert.equal(fault(checkSpanIndex(own, own)), 'ok')
    assert.equal(fault(checkSpanIndex(own, { ...own, tokens: 21 })), 'root')
    const reversed = spanRoot(buildSpanIndex([...texts].reverse()))
    assert.equal(fault(checkSpanIndex(own, { ...own, root: reversed })), 'root')
  })
})
