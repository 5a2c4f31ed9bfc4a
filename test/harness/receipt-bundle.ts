/** The receipt file of a workshop's job, settled by a batch of its own: all signed, all content beside it. */
import type { Result } from '../../coordinator-free/events.ts'
import { Endorsement, headerHash } from '../../protocol/batch.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { type Seen, transcriptSeal } from '../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import { headerOf } from '../../protocol/settlement.ts'
import { sign } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import { archive } from '../../worker/receipts/bundle.ts'
import type { ReceiptFile } from '../../worker/receipts/file.ts'
import { GATEWAY, signed, VALIDATORS } from './council.ts'
import type { MemoryContent } from './memory-content.ts'
import { hashNumber, keyNumber, MESSAGES, NOW_MS, VOUCHERS } from './messages.ts'
import { dataOf } from './settled.ts'

/** @param seen What each of those who passed it saw */
export function receiptFileOf(job: Job, result: Result, seen: readonly Seen[]): ReceiptFile {
  const order = signed({ kind: 'job', body: job }, GATEWAY)
  const worker = keyNumber(1).address
  const about = { ...result, jobId: order.digest, worker, issuedAtMs: NOW_MS }
  const claim = signed({ kind: 'claim', body: about }, 1)
  const passedBy = seen.map((_, place) => keyNumber(VALIDATORS[place]!).address)
  const split = splitOf(job.task, INITIAL_VALUES)
  const feeWei = BigInt(result.units) * job.unitWei
  const { modelOwnerWei, contributorsWei, treasuryWei, ...parts } = splitFee(feeWei, split)
  // Nobody owns the adapter.
  const given = job.adapter === '' ? 0n : contributorsWei
  const receipt: Receipt = {
    ...{ jobId: order.digest, task: job.task, requester: job.requester, worker },
    ...{ claim: claim.digest, passedBy: passedBy.toSorted(), failedBy: [] },
    ...{ model: job.model, adapter: job.adapter, output: result.output },
    ...{ attribution: result.attribution, units: result.units, feeWei, ...parts },
    ...{ modelOwnerWei: 0n, contributorsWei: given },
    treasuryWei: treasuryWei + modelOwnerWei + contributorsWei - given,
  }
  const header = headerOf(dataOf(1, [receipt]))
  const told = { jobId: order.digest, claim: claim.digest, issuedAtMs: NOW_MS }
  return {
    ...{ chainId: MESSAGES.chainId, resultLedger: MESSAGES.contract },
    ...{ feeEscrow: VOUCHERS.contract, receipt, header, txHash: hashNumber(70), split },
    ...{ index: 0, siblings: [] },
    endorsements: VALIDATORS.map((number) => {
      const { address: validator, privateKey } = keyNumber(number)
      const said = digest(Endorsement, { validator, header: headerHash(header) }, MESSAGES)
      return { validator, signature: sign(said, privateKey) }
    }),
    ...{ job: order.bytes, claim: claim.bytes },
    votes: seen.map(({ transcript }, place) => {
      const validator = passedBy[place]!
      const cast = {
        validator,
        verdict: 'pass',
        reason: 'none',
        checked: 1,
        beaconBlock: 2,
      } as const
      const seal = transcriptSeal(claim.digest, transcript, validator)
      return signed({ kind: 'vote', body: { ...told, ...cast, seal } }, VALIDATORS[place]!).bytes
    }),
    openings: seen.map(({ transcript, place: { siblings, ...rest } }, place) => {
      const shown = { transcript, ...rest, siblings: [...siblings] as Hash[] }
      const body = { ...told, validator: passedBy[place]!, ...shown }
      return signed({ kind: 'opening', body }, VALIDATORS[place]!).bytes
    }),
  }
}

/** The file with all that it speaks of, as a node hands it out. */
export async function bundled(content: MemoryContent, file: ReceiptFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const store = {
    get: content.get.bind(content),
    bytes: content.bytes.bind(content),
    /** Each file is one block. */
    blocks: async function* (cid: Cid, bytes: number, signal: AbortSignal) {
      yield { cid, bytes: await content.getFile(cid, bytes, { signal }) }
    },
  }
  for await (const part of archive(store, file, new AbortController().signal)) parts.push(part)
  return Buffer.concat(parts)
}
