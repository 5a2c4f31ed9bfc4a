import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { random } from '../../../protocol/prng.ts'
import { attention, rotate, splitHeads } from '../../../worker/engine/graph/attention.ts'
import { Tape } from '../../../worker/engine/graph/gradient.ts'
import { floatMatrix } from '../../../worker/engine/graph/matrix.ts'
import { GraphBuilder, type Value } from '../../../worker/engine/graph/onnx.ts'
import {
  type AdapterDropout,
  add,
  addPositions,
  crossEntropy,
  embed,
  gelu,
  layerNorm,
  linear,
  regroup,
  rmsNorm,
  splitColumns,
  swiglu,
} from '../../../worker/engine/graph/operations.ts'
import { type Feed, Session, vector } from '../../../worker/engine/session.ts'
import { SEED } from './fixtures.ts'

type Shapes = Readonly<Record<string, readonly number[]>>
type Inputs = Readonly<Record<string, Value>>
type Build = (tape: Tape, inputs: Inputs) => Value

/** Distance of a difference: with four points the error is of its fourth power, and float32 leaves three digits. */
const STEP = 2e-2
/** More than any output here holds. */
const COEFFICIENTS = 512
/** Far from float32's noise, so that a norm of few columns has no slope too steep to be measured. */
const EPSILON = 0.1

const few = fc.integer({ min: 1, max: 5 })
const some = fc.integer({ min: 2, max: 5 })
const shape = fc.record({ rows: few, inputs: few, outputs: few, rank: few, flag: fc.boolean() })

describe('vector-Jacobian products against finite differences', () => {
  it('linear, with and without a bias, its weight either way round', () =>
    property(shape, ({ rows, inputs, outputs, rank, flag: inputsFirst }) => {
      const w = inputsFirst ? [inputs, outputs] : [outputs, inputs]
      // Ranks serve as a second coin here.
      const bias = rank > 2 ? { bias: [outputs] } : {}
      return check({ x: [rows, inputs], w, ...bias }, (tape, { x, w, bias }) =>
        linear(tape, x!, floatMatrix(tape.graph, w!, inputsFirst), { bias }),
      )
    }))

  it('linear with an adapter, with and without dropout', () =>
    property(shape, ({ rows, inputs, outputs, rank, flag }) =>
      check(
        { x: [rows, inputs], w: [outputs, inputs], a: [rank, inputs], b: [outputs, rank] },
        (tape, { x, w, a, b }) => {
          const { graph } = tape
          const dropout = {
            drop: (value: Value): Value => {
              const kept = Array.from({ length: inputs }, (_, i) => (i % 3 === 1 ? 0 : 1))
              return graph.mul(value, graph.floats(kept))
            },
            grow: (value: Value): Value => graph.mul(value, graph.float(2)),
          }
          return linear(tape, x!, floatMatrix(graph, w!), {
            lora: adapter(tape, a!, b!, flag ? dropout : undefined),
          })
        },
      ),
    ))

  it('embed, with tokens that occur twice', () =>
    property(fc.tuple(few, some, fc.array(fc.nat(99), { minLength: 1, maxLength: 6 })), (drawn) => {
      const [width, vocabulary, tokens] = drawn
      return check({ table: [vocabulary, width] }, (tape, { table }) =>
        embed(tape, table!, tape.graph.int32s(tokens.map((token) => token % vocabulary))),
      )
    }))

  it('rmsNorm', () =>
    property(fc.tuple(few, some), ([rows, width]) =>
      check({ x: [rows, width], gain: [width] }, (tape, { x, gain }) =>
        rmsNorm(tape, x!, gain!, EPSILON),
      ),
    ))

  it('layerNorm', () =>
    property(fc.tuple(few, some), ([rows, width]) =>
      check({ x: [rows, width], gain: [width], bias: [width] }, (tape, { x, gain, bias }) =>
        layerNorm(tape, x!, gain!, bias!, EPSILON),
      ),
    ))

  it('gelu and swiglu', () =>
    property(fc.tuple(few, few), async ([rows, width]) => {
      await check({ x: [rows, width] }, (tape, { x }) => gelu(tape, x!))
      await check({ gate: [rows, width], up: [rows, width] }, (tape, { gate, up }) =>
        swiglu(tape, gate!, up!),
      )
    }))

  it('splitColumns, its parts put together otherwise', () =>
    property(fc.tuple(few, few, few), ([rows, width, other]) =>
      check({ x: [rows, 2 * width + other] }, (tape, { x }) => {
        const [a, b, c] = splitColumns(tape, x!, [width, other, width]) as [Value, Value, Value]
        // b is led to the loss by sums of its own columns.
        const ones = tape.graph.floats(new Array(width * other).fill(1), [width, other])
        return add(
          tape,
          add(tape, a, swiglu(tape, c, a)),
          linear(tape, b, floatMatrix(tape.graph, ones)),
        )
      }),
    ))

  it('regroup, and add where both sides are the same', () =>
    property(fc.tuple(few, few, few), async ([rows, groups, size]) => {
      const x = [rows, groups * size]
      await check({ x }, (tape, { x }) => regroup(tape, x!, groups * size, size))
      await check({ x }, (tape, { x }) => add(tape, x!, x!))
    }))

  it('addPositions, one position in several texts', () =>
    property(fc.tuple(few, few, few, few), ([batch, time, width, more]) => {
      const positions = Array.from({ length: time }, (_, index) => index)
      const shapes = { x: [batch * time, width], table: [time + more, width] }
      return check(shapes, (tape, { x, table }) =>
        addPositions(tape, x!, table!, tape.graph.int32s(positions), size(tape, batch, time)),
      )
    }))

  it('rotate and splitHeads', () =>
    property(fc.tuple(few, few, few, fc.integer({ min: 1, max: 2 })), async (drawn) => {
      const [batch, time, heads, half] = drawn
      const headSize = 2 * half
      const x = [batch * time, heads * headSize]
      await check({ x }, (tape, { x }) => {
        // Both halves of a pair turn by the same angle.
        const angles = Array.from({ length: time * headSize }, (_, index) => {
          return (Math.floor(index / headSize) + (index % half)) / 3
        })
        const signs = angles.map((_, index) => (index % headSize < half ? -1 : 1))
        const table = (values: number[]) => tape.graph.floats(values, [time, 1, headSize])
        const cos = table(angles.map(Math.cos))
        const sin = table(angles.map((angle, index) => signs[index]! * Math.sin(angle)))
        return rotate(tape, x!, heads, headSize, size(tape, batch, time), { cos, sin })
      })
      await check({ x }, (tape, { x }) =>
        splitHeads(tape, x!, heads, headSize, size(tape, batch, time)),
      )
    }))

  it('attention, of any number of query heads to a key head', () => {
    const upTo3 = fc.integer({ min: 1, max: 3 })
    return property(fc.tuple(upTo3, upTo3, upTo3, upTo3, upTo3), (drawn) => {
      const [batch, time, keyValueHeads, group, headSize] = drawn
      const heads = keyValueHeads * group
      const keys = [batch, time, keyValueHeads, headSize]
      const shapes = { q: [batch, time, heads, headSize], k: keys, v: keys }
      return check(shapes, (tape, { q, k, v }) => {
        const causal = Array.from({ length: group * time * time }, (_, index) =>
          index % time <= Math.floor(index / time) % time ? 0 : -1e30,
        )
        const mask = tape.graph.floats(causal, [group * time, time])
        const sizes = { heads, keyValueHeads, headSize }
        return attention(tape, q!, k!, v!, mask, sizes, size(tape, batch, time))
      })
    })
  })

  it('crossEntropy, with rows that count differently or not at all', () => {
    const rowsWith = fc.array(fc.constantFrom(0, 0.5, 1, 2), { minLength: 1, maxLength: 4 })
    return property(fc.tuple(rowsWith, few, some), ([weights, width, vocabulary]) => {
      const build: Build = (tape, { hidden, table }) => {
        const { graph } = tape
        const labels = graph.int32s(weights.map((_, row) => (2 * row) % vocabulary))
        const nll = crossEntropy(tape, hidden!, table!, labels, graph.floats(weights))
        return graph.mul(nll, graph.floats(weights))
      }
      return check({ hidden: [weights.length, width], table: [vocabulary, width] }, build, 'seeded')
    })
  })

  it('segments that are computed again, one after another', () =>
    property(fc.tuple(few, some, few), ([rows, width, inner]) =>
      check(
        { x: [rows, width], up: [inner, width], down: [width, inner], gain: [width] },
        (tape, { x, up, down, gain }) => {
          const layer = (rows: Value): Value => {
            const normed = rmsNorm(tape, rows, gain!, EPSILON)
            const map = (x: Value, w: Value) => linear(tape, x, floatMatrix(tape.graph, w))
            return add(tape, rows, map(gelu(tape, map(normed, up!)), down!))
          }
          return tape.segment(tape.segment(x!, layer), layer)
        },
        'checkpointing',
      ),
    ))
})

function property<T>(shapes: fc.Arbitrary<T>, holds: (drawn: T) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(shapes, holds), { numRuns: 20 })
}

function adapter(tape: Tape, a: Value, b: Value, dropout: AdapterDropout | undefined) {
  const { graph } = tape
  const collect = (terms: { x: Value; down: Value; dy: Value; dDown: Value }): void => {
    tape.accumulate(a, () => graph.node('Gemm', [terms.dDown, terms.x], { transA: 1 }))
    const attributes = { transA: 1, alpha: { float: 1.5 } }
    tape.accumulate(b, () => graph.node('Gemm', [terms.dy, terms.down], attributes))
  }
  return { a, b, scale: 1.5, dropout, collect }
}

function size(tape: Tape, batch: number, time: number) {
  return { batch: tape.graph.ints(batch), time: tape.graph.ints(time) }
}

/**
 * Compares the gradients of Σ coefficient · output with slopes measured on the same graph. Where it is `seeded` the
 * operation begins the backward pass itself, and the loss is the plain sum.
 */
async function check(
  shapes: Shapes,
  build: Build,
  form: 'plain' | 'seeded' | 'checkpointing' = 'plain',
): Promise<void> {
  const graph = new GraphBuilder()
  const tape = new Tape(graph, true, form === 'checkpointing')
  const names = Object.keys(shapes)
  const inputs = Object.fromEntries(
    names.map((name) => [name, graph.input(name, 'float32', shapes[name]!)]),
  )
  for (const name of names) tape.watch(inputs[name]!)
  const output = build(tape, inputs)
  const flat = graph.reshape(output, [-1])
  const all = graph.input('coefficients', 'float32', [COEFFICIENTS])
  const coefficients = graph.slice(all, 0, 0, graph.sizeOf(flat, 0))
  const seeded = form === 'seeded'
  if (!seeded) {
    tape.accumulate(output, () => graph.reshape(coefficients, graph.node('Shape', [output])))
  }
  tape.backward()
  graph.output('terms', seeded ? flat : graph.mul(flat, coefficients), 'float32', ['N'])
  for (const name of names) {
    graph.output(`d.${name}`, tape.gradient(inputs[name]!), 'float32', shapes[name]!)
  }
  const session = await Session.create(graph.encode(), { threads: 1 })
  const feeds = randomFeeds({ ...shapes, coefficients: [COEFFICIENTS] })
  const gradients = await session.run(feeds)
  for (const name of names) {
    const slopes = await measuredSlopes(session, feeds, name)
    const scale = Math.max(0.3, ...slopes.map(Math.abs))
    for (const [index, slope] of slopes.entries()) {
      const error = Math.abs(gradients[`d.${name}`]![index]! - slope) / scale
      assert.ok(error < 0.005, `gradient ${index} of ${name} is off by ${error}`)
    }
  }
  await session.release()
}

type Feeds = Record<string, Feed & { data: Float32Array }>

function randomFeeds(shapes: Shapes): Feeds {
  const source = random(SEED, 'finite differences')
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const length = shape.reduce((a, b) => a * b, 1)
      return [name, { data: Float32Array.from({ length }, () => source.unit() * 2 - 1), shape }]
    }),
  )
}

/** Slopes by four points each: (8·(f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h. */
async function measuredSlopes(session: Session, feeds: Feeds, name: string): Promise<number[]> {
  const { data, shape } = feeds[name]!
  const slopes: number[] = []
  for (const place of data.keys()) {
    const loss = async (steps: number): Promise<number> => {
      const moved = data.map((value, index) => (index === place ? value + steps * STEP : value))
      const { terms } = await session.run({ ...feeds, [name]: { ...vector(moved), shape } })
      return terms!.reduce((sum, term) => sum + term, 0)
    }
    const near = (await loss(1)) - (await loss(-1))
    const far = (await loss(2)) - (await loss(-2))
    slopes.push((8 * near - far) / (12 * STEP))
  }
  return slopes
}
