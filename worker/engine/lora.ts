/**
 * Where each adapter parameter lies in the flat vector "theta": layer by layer, within a layer in the order of PROJECTIONS,
 * and for each module first A (rank, inputs), then B (outputs, rank), both row by row as PEFT stores them.
 */
import { random } from '../../protocol/prng.ts'
import type { LoraSpec, Projection } from '../../protocol/tuning.ts'
import { EngineError } from './errors.ts'
import { familyOf } from './families.ts'
import { type ModelConfig, projectionShape } from './model-config.ts'

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

/**
 * The adapter as the serving graph takes it, one row of its `slots` input: the same places as in theta, but A as
 * (inputs, rank) and B as (rank, outputs) times the scale, so that no matrix has to be turned for each token.
 */
export function slotFrom(layout: LoraLayout, theta: Float32Array): Float32Array {
  const slot = new Float32Array(layout.size)
  for (const { inputs, outputs, rank, aStart, bStart } of layout.modules) {
    transposeInto(slot, theta, aStart, rank, inputs, 1)
    transposeInto(slot, theta, bStart, outputs, rank, layout.scale)
  }
  return slot
}

function transposeInto(
  target: Float32Array,
  source: Float32Array,
  start: number,
  rows: number,
  columns: number,
  factor: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      target[start + column * rows + row] = source[start + row * columns + column]! * factor
    }
  }
}
