import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { rowSumLeaf, rowSumWay } from '../../../protocol/evidence.ts'
import { merkleHolds } from '../../../protocol/merkle.ts'
import { MAX_EXAMPLES } from '../../../protocol/tuning.ts'
import { toRow } from '../../../worker/attribution/curvature.ts'
import { AttributionError } from '../../../worker/attribution/errors.ts'
import { packed } from '../../../worker/attribution/features.ts'
import {
  attributeAnswer,
  buildIndex,
  decodeRows,
  encodeRows,
  headLeaf,
  indexLeaves,
  indexRoot,
  rowsOf,
  scaleOf,
  scoringIndex,
} from '../../../worker/attribution/influence.ts'
import { gradients, ownersOf, stream } from './synthetic.ts'

const EXAMPLES = 33
const SHAPE = { maps: 6, rank: 2, columns: 2 }
const WIDTH = 24

const badShape = (act: () => unknown): void =>
  assert.throws(act, (error) => error instanceof AttributionError && error.code === 'bad-shape')

describe('influence index', () => {
  const raw = gradients('index', EXAMPLES, WIDTH)
  const features = packed(SHAPE, raw)
  const owners = ownersOf(EXAMPLES)
  const contributions = owners.map((_, i) => i % 3)
  const index = buildIndex(features, owners, contributions)
  const scale = scaleOf(index.curvature)
  const rows = rowsOf(index.rows, WIDTH)

  it('gives held-out examples rows as well', () => {
    assert.equal(rows.length, EXAMPLES)
    assert.ok(rows.every((row) => row.some((value) => value !== 0)))
  })

  it('sums the rows of one contributor in time, as many as an adapter may have', () => {
    const many = new Array(MAX_EXAMPLES).fill(owners.find((owner) => owner !== undefined))
    const before = process.cpuUsage()
    const { sums } = indexLeaves({ ...scale, width: 8 }, new Int8Array(8 * many.length), many)
    assert.deepEqual([sums.length, sums[0]!.rows], [1, MAX_EXAMPLES])
    // A tenth of that; with a new list for each row, five times as much.
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 1e6)
  })

  it('proves the sum of each contributor under the root', () => {
    const leaves = indexLeaves(scale, index.rows, owners)
    for (const [i, sum] of leaves.sums.entries()) {
      const way = rowSumWay(leaves, i)
      assert.ok(merkleHolds(index.root, rowSumLeaf(sum), way))
      const other = leaves.sums[(i + 1) % leaves.sums.length]!
      assert.ok(!merkleHolds(index.root, rowSumLeaf(other), way))
    }
  })

  it('binds every row', () => {
    for (const at of [0, 7 * WIDTH + 3, index.rows.length - 1]) {
      const changed = index.rows.with(at, index.rows[at]! ^ 1)
      assert.notEqual(indexRoot(scale, changed, owners), index.root)
    }
  })

  it('binds every number that made the rows', () => {
    const others = [
      { ...scale, damping: 2 },
      { ...scale, cap: scale.cap * (1 + 2 ** -52) },
      { ...scale, scale: scale.scale * (1 + 2 ** -52) },
      { ...scale, rank: 4 },
      { ...scale, columns: 4 },
    ]
    const roots = others.map((other) => indexRoot(other, index.rows, owners))
    assert.equal(new Set([index.root, ...roots]).size, 1 + others.length)
    const changed = index.rows.slice()
    changed[5]! += 1
    assert.notEqual(indexRoot(scale, changed, owners), index.root)
  })

  it("binds who owns the rows, by the sum of each one's", () => {
    const moved = owners.with(0, owners[1]!)
    assert.notEqual(indexRoot(scale, index.rows, moved), index.root)
    const leaves = indexLeaves(scale, index.rows, owners)
    assert.deepEqual(leaves.head, headLeaf(scale, EXAMPLES))
    assert.equal(leaves.rows.length, EXAMPLES)
    assert.equal(leaves.sums.length, 3)
    const held = rows.filter((_, i) => owners[i] === owners[0])
    const sum = Array.from({ length: WIDTH }, (_, k) =>
      held.reduce((total, row) => total + row[k]!, 0),
    )
    // Eleven rows need two bytes a coordinate.
    const { bytes, coordinateBytes } = leaves.sums[0]!
    assert.equal(coordinateBytes, 2)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const read = Array.from({ length: WIDTH }, (_, k) => view.getInt16(2 * k))
    assert.deepEqual(read, sum)
  })

  it('comes out the same each time', () => {
    assert.deepEqual(buildIndex(packed(SHAPE, raw), owners, contributions), index)
  })

  it('sums an answer by owner, decoys apart', () => {
    const query = toRow(index.curvature, raw.subarray(0, WIDTH))
    const scoring = scoringIndex(index, owners)
    const { shares, decoys } = attributeAnswer(scoring, query)
    assert.equal(decoys, 2)
    assert.deepEqual(
      shares.map((share) => share.rows),
      [10, 10, 11],
    )
    badShape(() => attributeAnswer(scoring, query.subarray(1)))
  })

  it('writes and reads its rows', () => {
    assert.deepEqual(decodeRows(encodeRows(index.rows), EXAMPLES, WIDTH), index.rows)
  })

  it('refuses files of another size than their shape says', () => {
    const bytes = encodeRows(index.rows)
    const source = stream('cuts')
    for (let i = 0; i < 50; i++) {
      const cut = bytes.subarray(0, source.below(bytes.length))
      badShape(() => decodeRows(cut, EXAMPLES, WIDTH))
    }
    badShape(() => decodeRows(bytes, EXAMPLES + 1, WIDTH))
    badShape(() => decodeRows(bytes, 2 ** 32, 2 ** 16))
    badShape(() => decodeRows(bytes, EXAMPLES, Number.NaN))
    badShape(() => decodeRows(bytes, -1, -bytes.length - 0.5))
  })
})
