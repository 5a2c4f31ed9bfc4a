/**
 * What it costs to post batches and to make them final: units of gas, and bytes that an OP Stack chain posts to its L1 and
 * asks for apart. Gas is measured by `npm run contracts:gas`, with every slot cold; bytes follow from what calldata takes
 * of it.
 */

/** What a transaction asks of the L2. */
export interface Load {
  readonly gas: bigint
  /** Of its data, as they are after compression. */
  readonly bytes: bigint
}

/** What the L2 asks for it, in wei. */
export interface Prices {
  /** Of a unit of gas. */
  readonly gasWei: bigint
  /** Of a byte; 0 where there is no L1 to pay for. */
  readonly byteWei: bigint
}

export function costWei({ gas, bytes }: Load, { gasWei, byteWei }: Prices): bigint {
  return gas * gasWei + bytes * byteWei
}

/** Gas of a whole transaction, and of the call alone that is in it. */
export interface Measured {
  readonly whole: number
  readonly call: number
}

/** From `contracts/gas.json`, under the same names; a test holds them to it. */
export const MEASURED_BATCHES = {
  'post, fees left open, 14 of 21': { whole: 198_115, call: 152_835 },
  'post, fees left open, 21 of 21': { whole: 253_678, call: 198_702 },
  'post, fees of 1 payer collected, 14 of 21': { whole: 229_999, call: 182_219 },
  'post, fees of 10 payers collected, 14 of 21': { whole: 366_381, call: 302_389 },
  'finalise, fees collected': { whole: 60_185, call: 34_233 },
  'finaliseAll, 2 batches': { whole: 72_099, call: 41_675 },
} as const satisfies Record<string, Measured>

/** Of every transaction before its first byte. */
const PLAIN_GAS = 21_000
/** A byte costs 16 and a zero byte 4, about as much of it as compression leaves. */
const BYTE_GAS = 16
/** Signature, nonce, prices and address: what a transaction without a call comes to. */
export const PLAIN_BYTES = 110n

/** Bytes of a transaction after compression. */
function bytesOf({ whole, call }: Measured): number {
  return (whole - call - PLAIN_GAS) / BYTE_GAS + Number(PLAIN_BYTES)
}

const BATCHES = MEASURED_BATCHES
const [OPEN, COLLECTED] = [
  BATCHES['post, fees left open, 14 of 21'],
  BATCHES['post, fees of 1 payer collected, 14 of 21'],
]
const SIGNATURE = each(7, OPEN, BATCHES['post, fees left open, 21 of 21'])
const PAYER = each(9, COLLECTED, BATCHES['post, fees of 10 payers collected, 14 of 21'])
const FINAL = BATCHES['finalise, fees collected']
const BATCH = each(1, FINAL, BATCHES['finaliseAll, 2 batches'])

/** The whole transaction, rounded up. @param payers whose fees are collected; receipts are but a root, however many */
export function postLoad(signatures: number, payers: number): Load {
  const first = payers === 0 ? OPEN : COLLECTED
  return loadOf(more(more(first, signatures - 14, SIGNATURE), Math.max(0, payers - 1), PAYER))
}

/** The whole transaction that makes so many batches final. */
export function finaliseLoad(batches: number): Load {
  return loadOf(more(FINAL, batches - 1, BATCH))
}

/** Rounded up. */
export function loadOf(measured: Measured): Load {
  return { gas: BigInt(Math.ceil(measured.whole)), bytes: BigInt(Math.ceil(bytesOf(measured))) }
}

/** Some, and so many times one. */
export function more(some: Measured, count: number, one: Measured): Measured {
  return { whole: some.whole + count * one.whole, call: some.call + count * one.call }
}

/** What one takes, where `all` has so many more than `some`. */
export function each(count: number, some: Measured, all: Measured): Measured {
  return { whole: (all.whole - some.whole) / count, call: (all.call - some.call) / count }
}
