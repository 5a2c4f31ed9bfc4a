/** The random sign matrices that narrow gradients to features (Achlioptas 2003): fixed by a seed, the same everywhere. */
import { random } from '../../../protocol/prng.ts'
import { featuredMaps } from '../../../protocol/tuning.ts'
import type { LoraLayout } from '../lora.ts'

/**
 * The flat `projection` input of the features graph: for each featured module R (outputs, width), all ±1/√width. Signs are the
 * bits of the stream's 32-bit draws, lowest first, 1 for plus.
 */
export function projectionMatrices(
  layout: LoraLayout,
  seed: Uint8Array,
  width: number,
): Float32Array {
  const rows = featuredMaps(layout.modules).reduce((sum, { outputs }) => sum + outputs, 0)
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
  return layout.rank * width * featuredMaps(layout.modules).length
}
