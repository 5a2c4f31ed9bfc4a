/** Under which contracts everything is signed, and the jobs that are ordered. */
import { owedWei } from '../coordinator-free/charges.ts'
import type { Ledger } from '../coordinator-free/ledger.ts'
import { blockOf } from '../protocol/document.ts'
import type { Address, Cid } from '../protocol/fields.ts'
import { keccak, keccakHash, utf8, word } from '../protocol/hash.ts'
import { type Job, maxFeeWei } from '../protocol/job.ts'
import type { Task } from '../protocol/receipt.ts'
import { type Domain, digest } from '../protocol/struct.ts'
import { Voucher } from '../protocol/voucher.ts'
import type { SimNode } from './node.ts'
import type { Scenario } from './scenario.ts'

const UNIT_WEI = 10n ** 12n
const CONTRACT = `0x${'c'.repeat(40)}` as Address
export const TREASURY = `0x${'7'.repeat(40)}` as Address
export const STAKERS = `0x${'5'.repeat(40)}` as Address
const MESSAGES: Domain = { chainId: 1612, contract: CONTRACT }
export const DOMAINS = {
  messages: MESSAGES,
  vouchers: { chainId: 1612, contract: `0x${'e'.repeat(40)}` as Address },
}

/** What is ordered: made up, or as it was recorded. */
export interface Order {
  readonly task: Task
  readonly maxUnits: number
  /** The most that it and all before it can cost. */
  readonly pacedWei: bigint
  /** A fine-tune that goes on from the adapter of another. */
  readonly goesOn: boolean
}

/** All made-up jobs are of one size; the first is a fine-tune, and the last are where they go on with it. */
const MADE_UP_UNITS = 64

/** The order of each job by its number. */
export function ordersOf({
  arrivals,
  jobs,
  parts,
}: Pick<Scenario, 'arrivals' | 'jobs' | 'parts'>): (number: number) => Order {
  if (!arrivals) {
    const maxWei = maxFeeWei({ maxUnits: MADE_UP_UNITS, unitWei: UNIT_WEI })
    return (number) => {
      const goesOn = number > 0 && number >= jobs - parts
      return {
        task: number === 0 || goesOn ? 'fine-tune' : 'inference',
        maxUnits: MADE_UP_UNITS,
        pacedWei: BigInt(number + 1) * maxWei,
        goesOn,
      }
    }
  }
  let pacedWei = 0n
  const orders = arrivals.map(({ task, maxUnits }) => {
    pacedWei += maxFeeWei({ maxUnits, unitWei: UNIT_WEI })
    return { task, maxUnits, pacedWei, goesOn: false }
  })
  return (number) => orders[number]!
}

/** The job that a gateway orders next. @param number names its input and its nonce */
export function jobOf(gateway: SimNode, number: number, order: Order): Job {
  const { task, maxUnits, pacedWei, goesOn } = order
  const nowMs = gateway.nowMs
  const { ledger } = gateway
  const owed = owedWei(ledger, gateway.address) + maxFeeWei({ maxUnits, unitWei: UNIT_WEI })
  // As if no job before it had been settled: then a job is the same however fast others are.
  const isPaced = owed < pacedWei
  const voucherWei = isPaced ? pacedWei : owed
  const voucher = { payer: gateway.address, cumulativeWei: voucherWei }
  const answers = task === 'inference' && number % 3 !== 0
  const named = (what: string) => blockOf(keccak(utf8(what))).cid
  return {
    requester: gateway.address,
    task,
    model: named('model'),
    adapter: goesOn ? (newestAdapter(ledger) ?? '') : answers ? named('adapter') : '',
    input: named(`input ${number}`),
    precision: 'cpu-exact',
    maxUnits,
    unitWei: UNIT_WEI,
    voucherWei,
    voucherSignature: gateway.options.signer.sign(digest(Voucher, voucher, DOMAINS.vouchers)),
    seedBlock: (ledger.head?.number ?? 0) + 2,
    providers: [],
    nonce: keccakHash(utf8('nonce'), word(number)),
    issuedAtMs: nowMs,
    deadlineMs: nowMs + 20 * 60_000,
  }
}

/** What the newest batch with fine-tunes has brought forth; `undefined` where there is none. */
export function newestAdapter({ batches }: Ledger): Cid | undefined {
  return [...batches.tuned.values()].flatMap((adapters) => [...adapters] as Cid[]).at(-1)
}
