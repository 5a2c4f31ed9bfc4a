/** What a transaction offers for a unit of gas, what it pays of that (EIP-1559), and how an offer too low is raised. */

/** Both in wei a unit of gas. */
export interface GasOffer {
  /** The most that is paid. */
  readonly maxFeeWei: bigint
  /** The part of it that goes to whoever makes the block, as far as the base fee leaves it. */
  readonly tipWei: bigint
}

/** One write may take so long, waits for a lost connection included: a sequencer that is restarted is back within minutes. */
export const WRITE_PATIENCE_MS = 120_000
/** Fifteen blocks of an OP Stack chain without room for a transaction: the base fee has outrun its offer. */
export const RAISE_MS = 30_000
export const MAX_OFFERS = 10
/** What every transaction takes at the least, one that does nothing as well. */
export const PLAIN_GAS = 21_000n
/** Pools take a replacement from +10 % on. */
const RAISE_PERCENT = 125n
/** The state may move between estimate and block. */
const LIMIT_PERCENT = 120n
/**
 * As may the time: an estimate is of the newest block's second, in which GOPEN may have noted a sum of votes that a later
 * block notes in a word of its own, for 22,592 gas more. A call notes two of them at the most.
 */
const LIMIT_EXTRA = 50_000n

const NOTHING: GasOffer = { maxFeeWei: 0n, tipWei: 0n }

/**
 * What to offer when the newest block has this base fee: no less than `floor`. Twice the base fee covers five full blocks
 * in a row by Ethereum's own rates (1.125 ** 5 = 1.8), 35 by OP Mainnet's (1.02 ** 35 = 2).
 */
export function gasOffer(baseFeeWei: bigint, suggestedTipWei: bigint, floor = NOTHING): GasOffer {
  const tipWei = larger(suggestedTipWei, floor.tipWei)
  return { tipWei, maxFeeWei: larger(2n * baseFeeWei + tipWei, floor.maxFeeWei) }
}

/** The least that takes the place of an offer. */
export function raised({ maxFeeWei, tipWei }: GasOffer): GasOffer {
  return { maxFeeWei: raisedWei(maxFeeWei), tipWei: raisedWei(tipWei) }
}

/** What a unit of gas costs in a block, in wei; `undefined` where the block may not take the transaction. */
export function gasPriceWei({ maxFeeWei, tipWei }: GasOffer, baseFeeWei: bigint) {
  if (maxFeeWei < baseFeeWei) return undefined
  const leftWei = maxFeeWei - baseFeeWei
  return baseFeeWei + (leftWei < tipWei ? leftWei : tipWei)
}

/** The most gas that a transaction may take which is estimated to take so much. */
export function gasLimit(estimate: bigint): bigint {
  return (estimate * LIMIT_PERCENT) / 100n + LIMIT_EXTRA
}

function raisedWei(wei: bigint): bigint {
  return (wei * RAISE_PERCENT) / 100n + 1n
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}
