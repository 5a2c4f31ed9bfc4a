/** Other ways to say whose data shaped a text. */
import { type FeatureShape, mapSize } from '../../worker/attribution/features.ts'
import type { Query } from './trial-run.ts'

/** (queries, examples): what is positive lowers a query's loss. */
export type Scores = readonly (readonly number[])[]

type Vector = Float32Array | Int8Array

export interface Gradients<V extends Vector = Vector> {
  readonly examples: readonly V[]
  readonly queries: readonly V[]
}

export function dotProducts({ examples, queries }: Gradients): Scores {
  return queries.map((query) => examples.map((example) => dot(query, example)))
}

/** Kwon et al. 2024, layer by layer, damped by a tenth of the mean square, as its authors do. */
export function dataInf({ examples, queries }: Gradients, shape: FeatureShape): Scores {
  const width = mapSize(shape)
  const scores = queries.map(() => new Array<number>(examples.length).fill(0))
  for (let layer = 0; layer < shape.maps; layer++) {
    const part = (of: Vector): Vector => of.subarray(layer * width, (layer + 1) * width)
    const own = examples.map(part)
    const squares = own.map((one) => dot(one, one))
    const damping = (0.1 * sum(squares)) / (squares.length * width)
    const pairs = own.map((one) => own.map((other) => dot(one, other)))
    for (const [q, query] of queries.map(part).entries()) {
      const along = own.map((one, i) => dot(query, one) / (damping + squares[i]!))
      for (const [k, one] of own.entries()) {
        const taken = sum(pairs[k]!.map((pair, i) => along[i]! * pair)) / own.length
        scores[q]![k]! += (dot(query, one) - taken) / damping
      }
    }
  }
  return scores
}

/** Robertson's BM25 over tokens, with the usual constants: words alone. */
export function bm25(examples: readonly Query[], queries: readonly Query[]): Scores {
  const [k, b] = [1.2, 0.75]
  const counts = examples.map(({ answer }) => countsOf(answer))
  const meanLength = sum(examples.map(({ answer }) => answer.length)) / examples.length
  const holding = countsOf(counts.flatMap((of) => [...of.keys()]))
  return queries.map(({ answer }) =>
    examples.map((example, i) => {
      const length = k * (1 - b + (b * example.answer.length) / meanLength)
      return sum(
        [...new Set(answer)].map((token) => {
          const count = counts[i]!.get(token) ?? 0
          const texts = holding.get(token) ?? 0
          const rarity = Math.log(1 + (examples.length - texts + 0.5) / (texts + 0.5))
          return (rarity * count * (k + 1)) / (count + length)
        }),
      )
    }),
  )
}

function countsOf(tokens: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  return counts
}

function dot(a: Vector, b: Vector): number {
  let total = 0
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!
  return total
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
