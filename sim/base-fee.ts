/** What a unit of gas costs in the next block, by how full this one is: EIP-1559, as OP Mainnet has set it. */

/** `eip1559Elasticity` of its rollup configuration: a block's target is such a part of its limit. */
export const ELASTICITY = 6n
/** `eip1559DenominatorCanyon`: by such a part of itself the fee falls after an empty block, and rises after twice the target. */
export const DENOMINATOR = 250n

/** @param leastWei below which it does not fall: `minBaseFee` of the chain's configuration, since Jovian */
export function nextBaseFee(
  { baseFeeWei, gasUsed }: { readonly baseFeeWei: bigint; readonly gasUsed: bigint },
  blockGas: bigint,
  leastWei: bigint,
): bigint {
  const target = blockGas / ELASTICITY
  const over = gasUsed - target
  // Bigints are cut towards zero, as the EIP cuts what it divides: amounts without a sign.
  const movedWei = (baseFeeWei * over) / target / DENOMINATOR
  const nextWei = baseFeeWei + (over > 0n && movedWei === 0n ? 1n : movedWei)
  return nextWei < leastWei ? leastWei : nextWei
}
