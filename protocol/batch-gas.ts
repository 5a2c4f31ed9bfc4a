/**
 * What it takes to post batches and to make them final, in units of gas: measured by `npm run contracts:gas`, with every
 * slot cold.
 */

/** From `contracts/gas.json`, under the same names after `transaction: `; a test holds them to it. */
export const MEASURED_BATCHES = {
  'post, fees left open, 14 of 21': 197_950,
  'post, fees left open, 21 of 21': 253_513,
  'post, fees of 1 payer collected, 14 of 21': 229_834,
  'post, fees of 10 payers collected, 14 of 21': 366_216,
  'finalise, fees collected': 60_185,
  'finaliseAll, 2 batches': 72_099,
} as const

const GAS = MEASURED_BATCHES
/** Of seven more signatures, and of nine more payers. */
const SEVEN_SIGNATURES =
  GAS['post, fees left open, 21 of 21'] - GAS['post, fees left open, 14 of 21']
const NINE_PAYERS =
  GAS['post, fees of 10 payers collected, 14 of 21'] -
  GAS['post, fees of 1 payer collected, 14 of 21']

/** The whole transaction, rounded up. @param payers whose fees are collected; receipts are but a root, however many */
export function postGas(signatures: number, payers: number): bigint {
  const first =
    payers === 0
      ? GAS['post, fees left open, 14 of 21']
      : GAS['post, fees of 1 payer collected, 14 of 21']
  const more = (signatures - 14) * SEVEN_SIGNATURES * 9 + Math.max(0, payers - 1) * NINE_PAYERS * 7
  return BigInt(Math.ceil((63 * first + more) / 63))
}

/** The whole transaction that makes so many batches final. */
export function finaliseGas(batches: number): bigint {
  const another = GAS['finaliseAll, 2 batches'] - GAS['finalise, fees collected']
  return BigInt(GAS['finalise, fees collected'] + (batches - 1) * another)
}
