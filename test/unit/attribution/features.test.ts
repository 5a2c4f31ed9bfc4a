import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'mocha'
import { AttributionError, type AttributionErrorCode } from '../../../worker/attribution/errors.ts'
import {
  decodeFeatures,
  emptyFeatures,
  encodeFeatures,
  type FeatureShape,
  featuresBytes,
  INT8_MAX,
  mapSize,
  pack,
  packed,
  unpack,
  widthOf,
} from '../../../worker/attribution/features.ts'
import { gradients, stream } from './synthetic.ts'

interface Vectors {
  shape: FeatureShape
  features: number[]
  numbers: number[]
  scales: number[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../vectors/attribution.json', import.meta.url), 'utf8'),
)

const SHAPE: FeatureShape = { maps: 4, rank: 2, columns: 4 }
const WIDTH = widthOf(SHAPE)
const EXAMPLES = 9

const refuses = (code: AttributionErrorCode, act: () => unknown): void =>
  assert.throws(act, (error) => error instanceof AttributionError && error.code === code)

describe('gradient features', () => {
  const raw = gradients('features', EXAMPLES, WIDTH)
  const features = packed(SHAPE, raw)

  it('are packed as numpy packs them', () => {
    const own = packed(vectors.shape, Float32Array.from(vectors.features))
    assert.deepEqual([...own.numbers], vectors.numbers)
    assert.deepEqual([...own.scales], vectors.scales)
  })

  it('lose half a step of their map at the most', () => {
    const size = mapSize(SHAPE)
    const out = new Float64Array(WIDTH)
    for (let example = 0; example < EXAMPLES; example++) {
      unpack(features, example, out)
      const own = raw.subarray(example * WIDTH, (example + 1) * WIDTH)
      for (let i = 0; i < WIDTH; i++) {
        const from = Math.floor(i / size) * size
        const greatest = Math.max(...own.subarray(from, from + size).map(Math.abs))
        assert.ok(Math.abs(out[i]! - own[i]!) <= (0.5001 * greatest) / INT8_MAX)
      }
    }
  })

  it('are the same whatever they are packed with', () => {
    const apart = emptyFeatures(SHAPE, EXAMPLES)
    for (const [first, until] of [
      [4, 9],
      [0, 4],
    ] as const) {
      pack(apart, first, raw.subarray(first * WIDTH, until * WIDTH))
    }
    assert.deepEqual(apart, features)
  })

  it('hold what is zero, and the smallest and greatest floats', () => {
    const extreme = new Float32Array(WIDTH)
    extreme.set([3e38, -3e38, 1], 0)
    extreme.set([1e-45, -1e-45], 16)
    const held = packed(SHAPE, extreme)
    assert.deepEqual([...held.numbers.subarray(0, 3)], [127, -127, 0])
    assert.ok([...held.numbers.subarray(8)].every((value) => value === 0))
    const out = new Float64Array(WIDTH)
    unpack(held, 0, out)
    assert.ok(out.every(Number.isFinite))
  })

  it('are written and read', () => {
    const bytes = encodeFeatures(features)
    assert.equal(bytes.length, featuresBytes(SHAPE, EXAMPLES))
    assert.deepEqual(decodeFeatures(bytes, SHAPE, EXAMPLES), features)
    const inside = new Uint8Array(bytes.length + 3)
    inside.set(bytes, 3)
    assert.deepEqual(decodeFeatures(inside.subarray(3), SHAPE, EXAMPLES), features)
  })

  it('are refused where a file is of another size, or a scale is none', () => {
    const bytes = encodeFeatures(features)
    const source = stream('cuts')
    for (let i = 0; i < 50; i++) {
      const cut = bytes.subarray(0, source.below(bytes.length))
      refuses('bad-shape', () => decodeFeatures(cut, SHAPE, EXAMPLES))
    }
    refuses('bad-shape', () => decodeFeatures(bytes, SHAPE, EXAMPLES + 1))
    refuses('too-large', () => decodeFeatures(bytes, SHAPE, 2 ** 30))
    for (const examples of [0, -1, 0.5, Number.NaN]) {
      refuses('bad-shape', () => decodeFeatures(bytes, SHAPE, examples))
    }
    for (const scale of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const broken = bytes.slice()
      new DataView(broken.buffer).setFloat32(20, scale, true)
      refuses('not-finite', () => decodeFeatures(broken, SHAPE, EXAMPLES))
    }
  })

  it('are refused where a number is none, by place, or where there is no room', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = raw.slice()
      broken[WIDTH + 3] = bad
      refuses('not-finite', () => packed(SHAPE, broken))
      assert.throws(() => packed(SHAPE, broken), /feature 3 of example 1/)
    }
    const room = emptyFeatures(SHAPE, 2)
    refuses('bad-shape', () => pack(room, 1, raw.subarray(0, 2 * WIDTH)))
    refuses('bad-shape', () => pack(room, 0, raw.subarray(0, WIDTH - 1)))
  })
})
