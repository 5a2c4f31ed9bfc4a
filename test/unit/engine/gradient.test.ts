import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { random } from '../../../protocol/prng.ts'
import { Tape } from '../../../worker/engine/gradient.ts'
import { floatMatrix } from '../../../worker/engine/matrix.ts'
import { GraphBuilder, type Value } from '../../../worker/engine/onnx.ts'
import {
  add,
  addPositions,
  attention,
  crossEntropy,
  embed,
  gelu,
  layerNorm,
  linear,
  regroup,
  rmsNorm,
  rotate,
  splitColumns,
  splitHeads,
  swiglu,
} from '../../../worker/engine/operations.ts'
import { type Feed, Session } from '../../../worker/engine/session.ts'
import { relativeError, SEED } from './fixtures.ts'

type Shapes = Readonly<Record<string, readonly number[]>>
type Inputs = Readonly<Record<string, Value>>

/** Half the distance of a central difference: float32 leaves about three digits of the slope. */
const STEP = 1e-2

describe('vector-Jacobian products against finite differences', () => {
  it('linear', () =>
    check({ x: [5, 4], w: [3, 4] }, (tape, { x, w }) =>
      linear(tape, x!, floatMatrix(tape.graph, w!)),
    ))

  it('linear with a bias, its weight either way round', async () => {
    await check({ x: [5, 4], w: [3, 4], bias: [3] }, (tape, { x, w, bias }) =>
      linear(tape, x!, floatMatrix(tape.graph, w!), { bias: bias! }),
    )
    await check({ x: [5, 4], w: [4, 3], bias: [3] }, (tape, { x, w, bias }) =>
      linear(tape, x!, floatMatrix(tape.graph, w!, true), { bias: bias! }),
    )
  })

  it('linear with an adapter', async () => {
    const shapes = { x: [5, 4], w: [3, 4], a: [2, 4], b: [3, 2] }
    await check(shapes, (tape, { x, w, a, b }) =>
      linear(tape, x!, floatMatrix(tape.graph, w!), {
        lora: {
          a: a!,
          b: b!,
          scale: 1.5,
          collect: ({ x, down, dy, dDown }) => {
            const { graph } = tape
            tape.accumulate(a!, () => graph.node('Gemm', [dDown, x], { transA: 1 }))
            tape.accumulate(b!, () => {
              return graph.node('Gemm', [dy, down], { transA: 1, alpha: { float: 1.5 } })
            })
          },
        },
      }),
    )
  })

  it('embed, with a token that occurs twice', () =>
    check({ table: [4, 3] }, (tape, { table }) =>
      embed(tape, table!, tape.graph.int32s([2, 0, 2, 3])),
    ))

  it('rmsNorm', () =>
    check({ x: [4, 6], gain: [6] }, (tape, { x, gain }) => rmsNorm(tape, x!, gain!, 1e-5)))

  it('layerNorm', () =>
    check({ x: [4, 6], gain: [6], bias: [6] }, (tape, { x, gain, bias }) =>
      layerNorm(tape, x!, gain!, bias!, 1e-5),
    ))

  it('gelu', () => check({ x: [6, 5] }, (tape, { x }) => gelu(tape, x!)))

  it('splitColumns, its parts put together otherwise', () =>
    check({ x: [3, 7] }, (tape, { x }) => {
      const [a, b, c] = splitColumns(tape, x!, [2, 3, 2])
      const both = add(tape, a!, swiglu(tape, c!, a!))
      const { graph } = tape
      // b is led to the loss by a sum of its own columns.
      const ones = graph.floats(new Array(6).fill(1), [2, 3])
      return add(tape, both, linear(tape, b!, floatMatrix(graph, ones)))
    }))

  it('regroup', () => check({ x: [4, 6] }, (tape, { x }) => regroup(tape, x!, 6, 3)))

  it('addPositions, one position in two texts', () =>
    check({ x: [6, 2], table: [4, 2] }, (tape, { x, table }) =>
      addPositions(tape, x!, table!, tape.graph.int32s([0, 1, 2]), size(tape, 2, 3)),
    ))

  it('add, where both sides are the same', () =>
    check({ x: [3, 2] }, (tape, { x }) => add(tape, x!, x!)))

  it('swiglu', () =>
    check({ gate: [4, 3], up: [4, 3] }, (tape, { gate, up }) => swiglu(tape, gate!, up!)))

  it('rotate', () =>
    check({ x: [6, 8] }, (tape, { x }) => {
      // Three positions, two pairs of halves: both halves of a pair turn by the same angle.
      const angles = Array.from({ length: 3 * 4 }, (_, index) => ((index >> 2) + (index % 2)) / 3)
      const cos = tape.graph.floats(angles.map(Math.cos), [3, 1, 4])
      const signed = angles.map((angle, index) => (index % 4 < 2 ? -1 : 1) * Math.sin(angle))
      const sin = tape.graph.floats(signed, [3, 1, 4])
      return rotate(tape, x!, 2, 4, size(tape, 2, 3), { cos, sin })
    }))

  it('splitHeads', () =>
    check({ x: [6, 8] }, (tape, { x }) => splitHeads(tape, x!, 2, 4, size(tape, 2, 3))))

  it('attention with four query heads to two key heads', () =>
    check({ q: [2, 3, 4, 2], k: [2, 3, 2, 2], v: [2, 3, 2, 2] }, (tape, { q, k, v }) => {
      const causal = [0, -1e30, -1e30, 0, 0, -1e30, 0, 0, 0]
      const mask = tape.graph.floats([...causal, ...causal], [6, 3])
      const heads = { heads: 4, keyValueHeads: 2, headSize: 2 }
      return attention(tape, q!, k!, v!, mask, heads, size(tape, 2, 3))
    }))

  it('crossEntropy, with rows that count differently or not at all', async () => {
    const weights = [0.5, 2, 0, 1]
    const build = (tape: Tape, { hidden, table }: Inputs): Value => {
      const { graph } = tape
      const labels = graph.int32s([1, 4, 0, 1])
      const nll = crossEntropy(tape, hidden!, table!, labels, graph.floats(weights))
      return graph.mul(nll, graph.floats(weights))
    }
    await check({ hidden: [4, 3], table: [5, 3] }, build, true)
  })
})

function size(tape: Tape, batch: number, time: number) {
  return { batch: tape.graph.ints(batch), time: tape.graph.ints(time) }
}

/**
 * Compares the gradients of Σ coefficient · output with slopes measured on the same graph. With `seeded` the operation
 * begins the backward pass itself, and the loss is the plain sum.
 */
async function check(
  shapes: Shapes,
  build: (tape: Tape, inputs: Inputs) => Value,
  seeded = false,
): Promise<void> {
  const graph = new GraphBuilder()
  const tape = new Tape(graph, true)
  const names = Object.keys(shapes)
  const inputs = Object.fromEntries(
    names.map((name) => [name, graph.input(name, 'float32', shapes[name]!)]),
  )
  for (const name of names) tape.watch(inputs[name]!)
  const output = build(tape, inputs)
  const flat = graph.reshape(output, [-1])
  const coefficients = graph.input('coefficients', 'float32', ['N'])
  const terms = seeded ? flat : graph.mul(flat, coefficients)
  if (!seeded) {
    tape.accumulate(output, () =>
      graph.reshape(graph.add(coefficients, graph.float(0)), graph.node('Shape', [output])),
    )
  }
  tape.backward()
  graph.output('terms', terms, 'float32', ['N'])
  for (const name of names) {
    graph.output(`d.${name}`, tape.gradient(inputs[name]!), 'float32', shapes[name]!)
  }
  const session = await Session.create(graph.encode(), { threads: 1 })
  const feeds = randomFeeds({ ...shapes, coefficients: [outputSize(shapes, seeded)] })
  const gradients = await session.run(feeds)
  for (const name of names) {
    const slopes = await measuredSlopes(session, feeds, name)
    const error = relativeError(gradients[`d.${name}`]!, slopes)
    assert.ok(error < 0.01, `gradient of ${name} is off by ${error}`)
  }
  await session.release()
}

/** Every operation here has at most 100 outputs; a longer vector of coefficients would not broadcast. */
function outputSize(shapes: Shapes, seeded: boolean): number {
  if (seeded) return 1
  const sizes: Record<string, number> = { 'x,w': 15, 'x,w,a,b': 15, 'x,w,bias': 15, table: 12 }
  const [first, second] = Object.values(shapes)
  // Of splitColumns, which is parted into two columns.
  if (first!.join() === '3,7' && second === undefined) return 6
  return sizes[Object.keys(shapes).join()] ?? first!.reduce((a, b) => a * b, 1)
}

function randomFeeds(shapes: Shapes): Record<string, Feed & { data: Float32Array }> {
  const source = random(SEED, 'finite differences')
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const length = shape.reduce((a, b) => a * b, 1)
      return [name, { data: Float32Array.from({ length }, () => source.unit() * 2 - 1), shape }]
    }),
  )
}

async function measuredSlopes(
  session: Session,
  feeds: Record<string, Feed & { data: Float32Array }>,
  name: string,
): Promise<number[]> {
  const slopes: number[] = []
  for (let i = 0; i < feeds[name]!.data.length; i++) {
    const loss = async (shift: number): Promise<number> => {
      const data = feeds[name]!.data.slice()
      data[i]! += shift
      const { terms } = await session.run({ ...feeds, [name]: { ...feeds[name]!, data } })
      return terms!.reduce((sum, term) => sum + term, 0)
    }
    slopes.push(((await loss(STEP)) - (await loss(-STEP))) / (2 * STEP))
  }
  return slopes
}
