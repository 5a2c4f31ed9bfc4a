/** What the engine's tests share. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { keccak, keccakHash, utf8 } from '../../../protocol/hash.ts'
import { random } from '../../../protocol/prng.ts'
import type { LoraSpec, Optimiser } from '../../../protocol/tuning.ts'
import { EngineError, type EngineErrorCode } from '../../../worker/engine/errors.ts'
import type { ModelConfig } from '../../../worker/engine/families/model-config.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { float32From } from '../../../worker/engine/files/half.ts'
import { parseHeader } from '../../../worker/engine/files/safetensors.ts'
import { storedWeights } from '../../../worker/engine/graph/graph.ts'
import { serveGraph } from '../../../worker/engine/graph/serve-graph.ts'
import { loraLayout, turnForServing } from '../../../worker/engine/lora.ts'
import type { ServingLimits } from '../../../worker/engine/requests.ts'
import { Session } from '../../../worker/engine/session.ts'

/** Checkpoints and numbers made by families.py and training.py. */
export const VECTORS = fileURLToPath(new URL('../../vectors/engine', import.meta.url))

/** The tensors of a file of golden values, as float32. */
export async function readGolden(path: string): Promise<(name: string) => Float32Array> {
  const bytes = await readFile(path)
  const { tensors } = parseHeader(bytes, bytes.length, path)
  return (name) => {
    const { offsetBytes, lengthBytes, dtype } = tensors.get(name)!
    return float32From(bytes.subarray(offsetBytes, offsetBytes + lengthBytes), dtype)
  }
}

/** Largest difference between two equally long vectors; infinite where their lengths differ or a number is missing. */
export function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!)
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
  }
  return worst
}

/** Fails with the first number that differs in a bit: what `deepEqual` would print of rows of logits fills all memory. */
export function assertSameBits(actual: Float32Array, expected: Float32Array): void {
  assert.equal(actual.length, expected.length, 'counts of numbers differ')
  const at = actual.findIndex((value, i) => !Object.is(value, expected[i]))
  assert.ok(at < 0, `number ${at} is ${actual[at]}, not ${expected[at]}`)
}

/** Largest difference, as a share of the largest expected number. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const scale = Math.max(...Array.from(expected, Math.abs))
  return worstError(actual, expected) / scale
}

/** The model that ships: wide enough that its products are shared out between threads. */
export const BROOK = fileURLToPath(new URL('../../../models/brook-4m', import.meta.url))

export const TINY = `${VECTORS}/untied`

/** The serving graph of TINY, in a session to be released. */
export async function openServing(grows = false) {
  const { config, places } = await openBaseModel(TINY)
  const graph = serveGraph(config, storedWeights(places), grows)
  const session = await Session.create(graph, { directory: TINY, threads: 1 })
  return { config, session }
}

export const LORA: LoraSpec = {
  rank: 4,
  alpha: 8,
  targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
}

/** Ample for the models of the tests, but of few texts. */
export const LIMITS: ServingLimits = {
  texts: 4,
  memoryBytes: 2 ** 26,
  promptCacheBytes: 2 ** 22,
  waiting: 64,
  chunkTokens: 8,
}

export const OPTIMISER: Optimiser = {
  learningRate: 0.01,
  schedule: 'cosine',
  warmupSteps: 2,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-6,
  weightDecay: 0.01,
}

export const SEED = keccak(utf8('engine tests'))

/** Token ids below `vocabSize`, always the same for one label. */
export function someTokens(count: number, vocabSize: number, label = 'tokens'): Int32Array {
  const source = random(SEED, label)
  return Int32Array.from({ length: count }, () => source.below(vocabSize))
}

/** An adapter that changes the model: both halves drawn, none zero. */
export function someAdapter(size: number, spread = 0.05): Float32Array {
  const source = random(SEED, 'adapter')
  return Float32Array.from({ length: size }, () => (source.unit() - 0.5) * 2 * spread)
}

/** The same, turned for serving. */
export function someServed(config: ModelConfig, lora: LoraSpec): Promise<Float32Array> {
  const layout = loraLayout(config, lora)
  return turnForServing(layout, someAdapter(layout.size))
}

/** `count` batches of examples. */
export function someBatches(count: number, examples: number, exampleTokens: number, vocab: number) {
  return Array.from({ length: count }, (_, step) => ({
    tokens: someTokens(examples * exampleTokens, vocab, `batch ${step}`),
  }))
}

/** One hash over vectors: to compare large ones by, whose difference nobody could print. */
export function bitsOf(...vectors: readonly Float32Array[]): string {
  const bytes = vectors.map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength))
  return keccakHash(...bytes)
}

/** For `assert.rejects` and `assert.throws`: an EngineError of this code whose message matches. */
export function engineError(code: EngineErrorCode, message = /./) {
  return (error: unknown): true => {
    assert.ok(error instanceof EngineError, `not an EngineError: ${error}`)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}
