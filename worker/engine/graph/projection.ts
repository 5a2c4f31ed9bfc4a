/** The random sign matrices that narrow gradients to features (Achlioptas 2003): fixed by a seed, the same everywhere. */
import { random } from '../../../protocol/prng.ts'
import type { LoraLayout } from '../lora.ts'

/**
 * The flat `projection` input of the features graph: for each module R_in (inputs, width), then R_out (outputs, width), all
 * ±1/√width. Signs are the bits of the stream's 32-bit draws, lowest first, 1 for plus.
 */
export function projectionMatrices(
  layout: LoraLayout,
  seed: Uint8Array,
  width: number,
): Float32Array {
  const rows = layout.modules.reduce((sum, { inputs, outputs }) => sum + inputs + outputs, 0)
  const matrices = new Float32Array(rows * width)
  const source = random(seed, 'projection')
  const plus = 1 / Math.sqrt(width)
  for (let i = 0, bits = 0; i < matrices.length; i++, bits >>>= 1) {
    if (i % 32 === 0) bits = source.uint32()
    matrices[i] = bits & 1 ? plus : -plus
  }
  return matrices
}

/** Numbers in the features of one example. */
export function featureSize(layout: LoraLayout, width: number): number {
  return 2 * layout.rank * width * layout.modules.length
}
