/** Under which contracts everything is signed, and the jobs that are ordered. */
import { owedWei } from '../coordinator-free/charges.ts'
import { blockOf } from '../protocol/document.ts'
import type { Address } from '../protocol/fields.ts'
import { keccak, keccakHash, utf8, word } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import { type Domain, digest } from '../protocol/struct.ts'
import { Voucher } from '../protocol/voucher.ts'
import type { SimNode } from './node.ts'

const UNIT_WEI = 10n ** 12n
const CONTRACT = `0x${'c'.repeat(40)}` as Address
export const TREASURY = `0x${'7'.repeat(40)}` as Address
export const STAKERS = `0x${'5'.repeat(40)}` as Address
const MESSAGES: Domain = { chainId: 1612, contract: CONTRACT }
export const DOMAINS = {
  messages: MESSAGES,
  vouchers: { chainId: 1612, contract: `0x${'e'.repeat(40)}` as Address },
}

/** The job that a gateway orders next. @param number names its input and its nonce */
export function jobOf(gateway: SimNode, number: number, task: Job['task']): Job {
  const maxUnits = 64
  const nowMs = gateway.nowMs
  const { ledger } = gateway
  const maxWei = BigInt(maxUnits) * UNIT_WEI
  const owed = owedWei(ledger, gateway.address) + maxWei
  // As if no job before it had been settled: then a job is the same however fast others are.
  const paced = BigInt(number + 1) * maxWei
  const voucherWei = owed > paced ? owed : paced
  const voucher = { payer: gateway.address, cumulativeWei: voucherWei }
  const named = (what: string) => blockOf(keccak(utf8(what))).cid
  return {
    requester: gateway.address,
    task,
    model: named('model'),
    adapter: task === 'inference' && number % 3 !== 0 ? named('adapter') : '',
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
