/**
 * Which inputs of the adapters a training run drops: fixed by a seed, so that whoever repeats a step drops the same. The
 * base model sees everything; each adapted module drops by itself, as in PEFT.
 */
import { random } from '../../../protocol/prng.ts'
import type { LoraLayout, LoraModule } from '../lora.ts'

export interface Dropout {
  /** Share of inputs that are dropped, 0 to 0.9. */
  readonly rate: number
  readonly seed: Uint8Array
}

/** A share is reckoned in parts of this: 16 bits of a draw decide on one input. */
const PARTS = 2 ** 16

/** Where each module's inputs lie among the columns of `keptInputs`, and how many columns there are. */
export function dropoutColumns(layout: LoraLayout) {
  const starts = new Map<LoraModule, number>()
  let width = 0
  for (const module of layout.modules) {
    starts.set(module, width)
    width += module.inputs
  }
  return { starts, width }
}

/** What kept inputs are multiplied by, so that the mean stays: 1 / (1 - rate). */
export function keptScale({ rate }: Dropout): number {
  return PARTS / (PARTS - droppedParts(rate))
}

function droppedParts(rate: number): number {
  return Math.round(rate * PARTS)
}

/**
 * 1 where an input is kept: (examples · time, Σ inputs), all modules side by side in the layout's order. Every example of
 * a step has a stream of its own, named by its number in the batch, so it does not matter which run it falls into. Of
 * each draw the low half decides first.
 */
export function keptInputs(
  layout: LoraLayout,
  { rate, seed }: Dropout,
  step: number,
  examples: { readonly first: number; readonly count: number },
  time: number,
): Uint8Array {
  const dropped = droppedParts(rate)
  const size = time * dropoutColumns(layout).width
  const kept = new Uint8Array(examples.count * size)
  for (let row = 0; row < examples.count; row++) {
    const source = random(seed, `dropout of step ${step}, example ${examples.first + row}`)
    const values = kept.subarray(row * size, (row + 1) * size)
    for (let i = 0; i < size; i += 2) {
      const drawn = source.uint32()
      // The sign bit of the difference: a branch that nobody can predict costs more than all the rest.
      values[i] = (dropped - 1 - (drawn & (PARTS - 1))) >>> 31
      // Beyond the end of an odd size nothing is written.
      values[i + 1] = (dropped - 1 - (drawn >>> 16)) >>> 31
    }
  }
  return kept
}
