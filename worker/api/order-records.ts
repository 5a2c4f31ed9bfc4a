/** What a node knows of its own orders stays with it: customers ask for receipts after a restart, too. */
import { z } from 'zod'
import type { Reason } from '../../coordinator-free/reason.ts'
import { type Envelope, open } from '../../protocol/envelope.ts'
import { bytes32 } from '../../protocol/fields.ts'
import type { Domain } from '../../protocol/struct.ts'
import type { Key } from '../storage/keys.ts'
import { OrderLog } from '../storage/order-log.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type JobRecord, Records } from './records.ts'

const place = z.number().int().min(0)
const Line = z.object({
  /** Envelopes in base64: of the job, the claim that was settled, its votes and their openings. */
  envelopes: z.array(z.string()),
  settled: z.object({
    ...{ batch: place, index: place, claim: bytes32, txHash: bytes32 },
    why: z.array(z.custom<Reason>()),
  }),
})

interface RememberOptions {
  readonly folder: string
  readonly key: Key
  readonly domain: Domain
  readonly log: Logger
}

/** Records that begin with the settled orders of earlier lives, and write down those of this one. */
export function rememberOrders({ folder, key, domain, log }: RememberOptions) {
  const orders = new OrderLog(folder)
  const records = new Records((record) => {
    const line = record.job.requester === key.address ? lineOf(record) : undefined
    try {
      if (line !== undefined) orders.add(line)
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'an order is not remembered')
    }
  })
  const lines = orders.lines()
  const known = lines.flatMap((line) => remembered(line, domain))
  // As they were ordered, not as they were settled.
  for (const one of known.sort((a, b) => a.issuedAtMs - b.issuedAtMs)) restore(records, one)
  const lost = lines.length - known.length
  if (lost > 0) log.warn({ lost }, 'orders of earlier lives cannot be read')
  return { records, [Symbol.dispose]: () => orders.close() }
}

/** Nothing where the job is not settled by a claim that was heard. */
function lineOf({ envelope, claims, settled }: JobRecord): string | undefined {
  const claim = settled && claims.get(settled.claim)
  if (!claim) return undefined
  const said = [envelope, claim.envelope, ...claim.votes.values(), ...claim.openings.values()]
  const envelopes = said.map(({ bytes }) => Buffer.from(bytes).toString('base64'))
  return JSON.stringify({ envelopes, settled }, tagged)
}

interface Remembered {
  /** Of the job first. */
  readonly envelopes: readonly Envelope[]
  readonly issuedAtMs: number
  readonly settled: NonNullable<JobRecord['settled']>
}

/** Nothing where the line cannot be read, or is of another network. */
function remembered(line: string, domain: Domain): Remembered[] {
  const parsed = Line.safeParse(parse(line))
  if (!parsed.success) return []
  const { envelopes: texts, settled } = parsed.data
  const opened = texts.map((text) => open(new Uint8Array(Buffer.from(text, 'base64')), domain))
  const envelopes = opened.flatMap((one) => (one.ok ? [one.envelope] : []))
  const job = envelopes[0]?.message
  if (envelopes.length < texts.length || job?.kind !== 'job') return []
  return [{ envelopes, issuedAtMs: job.body.issuedAtMs, settled }]
}

function restore(records: Records, { envelopes, issuedAtMs, settled }: Remembered): void {
  for (const envelope of envelopes) records.hear({ kind: 'message', envelope }, issuedAtMs)
  records.get(envelopes[0]!.digest)!.settled = settled
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line, untagged)
  } catch {
    return undefined
  }
}

/** JSON has no bigint. */
function tagged(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

function untagged(_key: string, value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,78}n$/.test(value)
    ? BigInt(value.slice(0, -1))
    : value
}
