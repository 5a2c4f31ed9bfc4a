/** How a signed transaction gets into the pools, and what is done about one that no block takes. */
import { keccak256, parseTransaction } from 'viem'
import type { Address } from '../../protocol/fields.ts'
import { MAX_OFFERS, raised } from '../../protocol/gas-offer.ts'
import type { Hash } from '../../protocol/hash.ts'
import { RpcError } from './endpoint.ts'
import { ChainError } from './errors.ts'
import type { Attempt, Entry, Mined } from './outbox-file.ts'
import type { Turn } from './outbox-turn.ts'

/** Pools say so of what they hold, had, or hold a dearer one of. */
const KNOWN =
  /already (known|imported)|known transaction|nonce too low|replacement .*underpriced|underpriced .*replacement/i
/** Some keep what offers less than the base fee until that has fallen, some refuse it. */
const CHEAP = /underpriced|(less|lower) than .*base ?fee|fee ?cap too low|fee ?too ?low/i

/** A transaction that no block has taken yet. */
export interface Waiting {
  readonly entry: Entry
  /** By `performance.now`. */
  raiseAtMs: number
  /** What the contract answered when it was last to be raised. */
  refusal: ChainError | undefined
  /** By `performance.now`, since when pools have refused it each time; `undefined` where the last did not. */
  refusedSinceMs: number | undefined
}

/** What the pools make of a transaction. `known` where one of them has it, or had. */
export type Offered =
  | { readonly is: 'known' | 'cheap' }
  | { readonly is: 'refused'; readonly error: unknown }

/**
 * Sends the newest attempt; where that is refused for good, as when it is dearer than the account can pay, the one before.
 * Rethrows what ends a turn.
 */
export async function offer(turn: Turn, attempts: readonly Attempt[]): Promise<Offered> {
  let first: Offered | undefined
  for (const { raw } of attempts.toReversed()) {
    const offered = await sendOne(turn, raw)
    if (offered.is !== 'refused') return offered
    first ??= offered
  }
  return first!
}

async function sendOne(turn: Turn, raw: `0x${string}`): Promise<Offered> {
  try {
    await turn.send(raw)
    return { is: 'known' }
  } catch (error) {
    unlessOver(error)
    const cause = error instanceof ChainError ? error.cause : undefined
    if (!(cause instanceof RpcError) || KNOWN.test(cause.message)) return { is: 'known' }
    return CHEAP.test(cause.message) ? { is: 'cheap' } : { is: 'refused', error }
  }
}

/**
 * Signs what takes the place of a transaction that has waited for so long; nothing where it is to wait on. A call is asked
 * about before more is paid for it. Where its contract refuses it twice in a row, so that whatever it builds on had time
 * to come back, it would be paid for in vain: it is left as it is, and where others wait behind it, an empty one takes its
 * nonce.
 * @param isAwaited others wait for this one
 */
export async function signDearer(
  turn: Turn,
  waiting: Waiting,
  isAwaited: boolean,
): Promise<Attempt | undefined> {
  const { entry, refusal: before } = waiting
  const last = entry.attempts.at(-1)!
  if (entry.attempts.length >= MAX_OFFERS) return undefined
  if (last.isEmpty) return await turn.signEmpty(entry, raised(last))
  const refusal = await turn.refusalOf(entry)
  waiting.refusal = refusal
  if (!refusal) return await turn.signAnew(entry, raised(last))
  return before && isAwaited ? await turn.signEmpty(entry, raised(last)) : undefined
}

/** A transaction that was mined, as it was signed then and since. */
export function entryOf({ nonce, raw, attempts = [] }: Mined): Entry {
  const signed = parseTransaction(raw)
  const first = {
    hash: keccak256(raw) as Hash,
    raw,
    maxFeeWei: signed.maxFeePerGas ?? 0n,
    tipWei: signed.maxPriorityFeePerGas ?? 0n,
  }
  return {
    what: `do transaction ${nonce} again, which the chain has forgotten`,
    nonce,
    ...(signed.to ? { to: signed.to.toLowerCase() as Address } : {}),
    data: signed.data ?? '0x',
    valueWei: signed.value ?? 0n,
    gas: signed.gas ?? 0n,
    attempts: [first, ...attempts],
  }
}

/** Rethrows what ends a turn; anything else the loop finds out by looking. */
export function unlessOver(error: unknown): void {
  if (!(error instanceof ChainError)) throw error
  if (error.code === 'aborted' || error.code === 'timeout' || error.code === 'unreachable')
    throw error
}
