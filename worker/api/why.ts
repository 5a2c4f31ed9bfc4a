/** Why a node stands to a job as it does, and why an account was paid for an answer or was not. */

import type { Reason } from '../../coordinator-free/reason.ts'
import { reasonInWords, shareInWords } from '../../coordinator-free/reason-words.ts'
import { reasons, shareReason } from '../../coordinator-free/reasons.ts'
import { Adapter } from '../../protocol/adapter.ts'
import { Answer } from '../../protocol/answer.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { fetchVersion } from '../datanet/publish.ts'
import { bigintAsText } from '../json.ts'
import { settledBatch } from '../receipts/settled-batch.ts'
import type { Service } from '../service.ts'
import type { JobRecord } from './records.ts'

const FETCH_MS = 20_000

/** A reason for programs and, in `says`, for people. Amounts are decimal strings of wei. */
export interface Said {
  readonly code: string
  readonly says: string
}

export interface Why {
  readonly jobId: string
  readonly node: Address
  /** True where these are the reasons at the time of the settlement, when the facts were still at hand. */
  readonly settled: boolean
  readonly reasons: readonly Said[]
}

export function whyJob({ runtime, key }: Service, record: JobRecord, nowMs: number): Why {
  const { jobId, settled } = record
  const known: readonly Reason[] =
    settled?.why ?? reasons(runtime.core.ledger, key.address, jobId, nowMs)
  const said = known.map((reason) => inJson(reason, reasonInWords(reason, nowMs)))
  return { jobId, node: key.address, settled: settled !== undefined, reasons: said }
}

/**
 * Why an account was paid as a contributor to a settled answer, or not: all answers of the adapter in its batch are fetched
 * and weighed again.
 */
export async function whyShare(
  service: Service,
  { job, settled }: JobRecord,
  account: Address,
): Promise<Said> {
  const { content } = service
  if (job.adapter === '' || job.task === 'fine-tune') {
    return { code: 'no-answer', says: 'No adapter answers it, so no contributor is paid for it.' }
  }
  const signal = AbortSignal.timeout(FETCH_MS)
  const data = settled && (await settledBatch(service, settled.batch, signal))?.data
  const adapter = data?.receipts[settled!.index]?.adapter
  if (!data || !adapter) {
    return { code: 'not-settled', says: `What ${account} earns by it is known when it is settled.` }
  }
  const answers = await Promise.all(
    data.receipts
      .filter((receipt) => receipt.adapter === adapter && receipt.task === 'inference')
      .map(async ({ output, feeWei, contributorsWei }) => {
        const { attribution } = await content.get(Answer, output, { signal })
        return { feeWei, contributorsWei, attribution }
      }),
  )
  const before = (await settledBatch(service, data.number - 1, signal))?.data
  const reason = shareReason(data, before, adapter as Cid, answers, account)
  return inJson(reason, shareInWords(reason, account))
}

/** Examples of a contribution by which it earns nothing, for an earlier one has said the same. */
export interface Repeated extends Said {
  readonly contribution: number
  readonly earlier: number
  readonly rows: number
}

/** What an account's contributions to an adapter's datanet say again; none where the job has no adapter. */
export async function whyRepeated(
  { content }: Service,
  { job }: JobRecord,
  account: Address,
): Promise<Repeated[]> {
  if (job.adapter === '') return []
  const signal = AbortSignal.timeout(FETCH_MS)
  const { datanet, index } = await content.get(Adapter, job.adapter, { signal })
  if (index.duplicates.length === 0) return []
  const { contributions } = await fetchVersion(datanet, (part) => content.bytes(part, { signal }))
  return index.duplicates.flatMap((duplicate) => {
    const own = contributions[duplicate.contribution]
    const first = contributions[duplicate.earlier]
    if (!first || own?.contributor !== account) return []
    const what = `${duplicate.rows} examples of "${own.name}" say again what "${first.name}" by ${first.contributor} has said`
    return [{ ...duplicate, code: 'repeated', says: `${what}: it earns nothing by them.` }]
  })
}

/** With amounts as JSON can hold them. */
function inJson(reason: { readonly code: string }, says: string): Said {
  return JSON.parse(JSON.stringify({ ...reason, says }, bigintAsText)) as Said
}
