import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { rowLeaf } from '../../../protocol/attribution.ts'
import type { Address } from '../../../protocol/fields.ts'
import { merkleProof, merkleVerify } from '../../../protocol/merkle.ts'
import { toRow } from '../../../worker/attribution/curvature.ts'
import { AttributionError } from '../../../worker/attribution/errors.ts'
import {
  attributeAnswer,
  buildIndex,
  decodeFeatures,
  decodeRows,
  encodeFeatures,
  encodeRows,
  headLeaf,
  indexRoot,
  rowsOf,
} from '../../../worker/attribution/influence.ts'
import { gradients, stream } from './synthetic.ts'

const EXAMPLES = 33
const WIDTH = 24
const BLOCK = 8

const badShape = (act: () => unknown): void =>
  assert.throws(act, (error) => error instanceof AttributionError && error.code === 'bad-shape')

describe('influence index', () => {
  const features = gradients('index', EXAMPLES, WIDTH)
  const trained = Array.from({ length: EXAMPLES }, (_, i) => i % 16 !== 15)
  const index = buildIndex(features, trained, BLOCK)
  const rows = rowsOf(index.rows, WIDTH)

  it('gives held-out examples rows as well', () => {
    assert.equal(rows.length, EXAMPLES)
    assert.ok(rows.every((row) => row.some((value) => value !== 0)))
  })

  it('proves each row under the root, behind the leaf that binds the scale', () => {
    const leaves = [headLeaf(index.curvature, EXAMPLES), ...rows.map((row, i) => rowLeaf(i, row))]
    for (const i of [0, 7, EXAMPLES - 1]) {
      const proof = merkleProof(leaves, i + 1)
      assert.ok(merkleVerify(index.root, EXAMPLES + 1, rowLeaf(i, rows[i]!), proof))
      assert.ok(!merkleVerify(index.root, EXAMPLES + 1, rowLeaf(i, rows[i + 1] ?? rows[0]!), proof))
    }
  })

  it('binds every number that made the rows', () => {
    const { curvature } = index
    const others = [
      { ...curvature, damping: 2 },
      { ...curvature, cap: curvature.cap * (1 + 2 ** -52) },
      { ...curvature, scale: curvature.scale * (1 + 2 ** -52) },
      { ...curvature, blockWidth: 2 * BLOCK },
    ]
    const roots = others.map((other) => indexRoot(other, index.rows))
    assert.equal(new Set([index.root, ...roots]).size, 1 + others.length)
    const changed = index.rows.slice()
    changed[5]! += 1
    assert.notEqual(indexRoot(curvature, changed), index.root)
  })

  it('comes out the same each time', () => {
    assert.deepEqual(buildIndex(features.slice(), trained, BLOCK), index)
  })

  it('sums an answer by owner, decoys apart', () => {
    const owners = trained.map((is, i) =>
      is ? (`0x${String(i % 3).repeat(40)}` as Address) : undefined,
    )
    const query = toRow(index.curvature, features.subarray(0, WIDTH))
    const { shares, decoys } = attributeAnswer(index, owners, query)
    assert.equal(decoys, 2)
    assert.deepEqual(
      shares.map((share) => share.rows),
      [10, 10, 11],
    )
    badShape(() => attributeAnswer(index, owners.slice(1), query))
    badShape(() => attributeAnswer(index, owners, query.subarray(1)))
  })

  it('writes and reads its files', () => {
    const bytes = encodeFeatures(features)
    assert.deepEqual(decodeFeatures(bytes, EXAMPLES, WIDTH), features)
    assert.deepEqual([...bytes.subarray(0, 4)], [...new Uint8Array(features.buffer, 0, 4)])
    assert.deepEqual(decodeRows(encodeRows(index.rows), EXAMPLES, WIDTH), index.rows)
    const inside = new Uint8Array(bytes.length + 3)
    inside.set(bytes, 3)
    assert.deepEqual(decodeFeatures(inside.subarray(3), EXAMPLES, WIDTH), features)
  })

  it('refuses files of another size than their shape says', () => {
    const bytes = encodeFeatures(features)
    const source = stream('cuts')
    for (let i = 0; i < 50; i++) {
      const cut = bytes.subarray(0, source.below(bytes.length))
      badShape(() => decodeFeatures(cut, EXAMPLES, WIDTH))
      badShape(() => decodeRows(cut.subarray(1), EXAMPLES, 4 * WIDTH))
    }
    badShape(() => decodeFeatures(bytes, EXAMPLES + 1, WIDTH))
    badShape(() => decodeFeatures(bytes, 2 ** 32, 2 ** 16))
    badShape(() => decodeRows(bytes, EXAMPLES, Number.NaN))
    badShape(() => decodeRows(bytes, -1, -bytes.length - 0.5))
  })
})
