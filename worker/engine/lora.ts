/**
 * Where each adapter parameter lies in the flat vector "theta": layer by layer, within a layer in the order of PROJECTIONS,
 * and for each module first A (rank, inputs), then B (outputs, rank), both row by row as PEFT stores them.
 */
import { setImmediate } from 'node:timers/promises'
import { random } from '../../protocol/prng.ts'
import type { LoraSpec, Projection } from '../../protocol/tuning.ts'
import { EngineError } from './errors.ts'
import { familyOf } from './families/known.ts'
import { type ModelConfig, projectionShape } from './families/model-config.ts'

export interface LoraModule {
  readonly layer: number
  readonly projection: Projection
  /** As PEFT names it, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly rank: number
  /** Places in theta, counted in numbers. */
  readonly aStart: number
  readonly bStart: number
  readonly end: number
}

export interface LoraLayout {
  readonly modules: readonly LoraModule[]
  /** Numbers in theta. */
  readonly size: number
  readonly rank: number
  /** The adapter's output is multiplied by this: alpha / rank. */
  readonly scale: number
}

/** Throws `EngineError` (`bad-adapter`) where a target is no part of this family's layers. */
export function loraLayout(config: ModelConfig, spec: LoraSpec): LoraLayout {
  const { module, projections } = familyOf(config)
  const strange = spec.targets.find((target) => !projections.includes(target))
  if (strange !== undefined) {
    throw new EngineError(
      'bad-adapter',
      `an adapter on "${strange}" was asked for; the ${config.family} family has ${projections.join(', ')}`,
    )
  }
  const modules: LoraModule[] = []
  let aStart = 0
  for (let layer = 0; layer < config.layers; layer++) {
    for (const projection of projections.filter((name) => spec.targets.includes(name))) {
      const [outputs, inputs] = projectionShape(config, projection)
      const bStart = aStart + spec.rank * inputs
      const end = bStart + outputs * spec.rank
      const name = module(layer, projection)
      modules.push({
        layer,
        projection,
        name,
        inputs,
        outputs,
        rank: spec.rank,
        aStart,
        bStart,
        end,
      })
      aStart = end
    }
  }
  return { modules, size: aStart, rank: spec.rank, scale: spec.alpha / spec.rank }
}

/** A shape for whoever needs one and no certain one: the zero adapter is the base model whatever its shape. */
export function wholeLora(config: ModelConfig): LoraSpec {
  return { rank: 8, alpha: 16, targets: [...familyOf(config).projections] }
}

/** What training carries from step to step. `step` counts the steps already taken. */
export interface TrainingState {
  readonly theta: Float32Array
  /** AdamW's running means of the gradient and of its square. */
  readonly m: Float32Array
  readonly v: Float32Array
  readonly step: number
}

/** A state to start from: A uniform in ±1/√inputs (PEFT's Kaiming initialisation with a = √5), B zero. */
export function initialState(layout: LoraLayout, seed: Uint8Array): TrainingState {
  const theta = new Float32Array(layout.size)
  const source = random(seed, 'lora')
  for (const { inputs, aStart, bStart } of layout.modules) {
    const bound = 1 / Math.sqrt(inputs)
    for (let i = aStart; i < bStart; i++) theta[i] = (2 * source.unit() - 1) * bound
  }
  return { theta, m: new Float32Array(layout.size), v: new Float32Array(layout.size), step: 0 }
}

/** Numbers that are turned before others have their turn in the event loop: about 5 ms. */
const TURNED_AT_ONCE = 2 ** 20

/**
 * The adapter as the serving graph takes it, in `memory` that threads can share: the same places as in theta, A as it is,
 * but B as (rank, outputs) times the scale. So rows of zeros bring any rank to a higher one, and nothing is turned for each
 * token. Throws `bad-adapter` where the adapter is too short or long, or a number is not finite.
 */
export async function turnForServing(
  { modules, size, scale }: LoraLayout,
  theta: Float32Array,
  memory = new SharedArrayBuffer(4 * size),
): Promise<Float32Array> {
  if (theta.length !== size) {
    const has = `the adapter has ${theta.length} numbers`
    throw new EngineError('bad-adapter', `${has}, but this base model and LoRA shape take ${size}`)
  }
  const target = new Float32Array(memory, 0, size)
  let turned = 0
  let poison = 0
  for (const { outputs, rank, aStart, bStart, end } of modules) {
    target.set(theta.subarray(aStart, bStart), aStart)
    turnInto(target.subarray(bStart, end), theta.subarray(bStart, end), outputs, rank, scale)
    // Zero times a number is zero, unless the number is a NaN or an infinity.
    for (let i = aStart; i < end; i++) poison += target[i]! * 0
    if (end - turned > TURNED_AT_ONCE) {
      turned = end
      await setImmediate()
    }
  }
  if (poison !== 0) {
    throw new EngineError('bad-adapter', 'the adapter holds a number that is not finite')
  }
  return target
}

/** (rows, columns) -> (columns, rows), times `factor`. */
function turnInto(
  target: Float32Array,
  source: Float32Array,
  rows: number,
  columns: number,
  factor: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      target[column * rows + row] = source[row * columns + column]! * factor
    }
  }
}
