/**
 * W1: what a worker has done is not lost with it. While it works at a fine-tune it tells in its beats where the newest state
 * lies; whoever is next in line fetches that as it comes, and whoever gets the turn goes on from the furthest state that it
 * finds to be true.
 */
import type { Address, Cid } from '../protocol/fields.ts'
import type { Hash } from '../protocol/hash.ts'
import { type Turn, turnOf } from './assignment.ts'
import type { Duty } from './events.ts'
import type { Fact, Ledger } from './ledger.ts'

/** How many states of others a worker may try. */
const MAX_TRIED = 3

/** What other workers have stored of a job, the furthest first. */
export function statesOf(ledger: Ledger, jobId: Hash, self: Address): Cid[] {
  const beats = [...(ledger.beats.get(jobId) ?? [])]
  return beats
    .filter(([worker, { state }]) => worker !== self && state !== '')
    .sort(([a, m], [b, n]) => n.body.done - m.body.done || (a < b ? -1 : 1))
    .slice(0, MAX_TRIED)
    .map(([, { state }]) => state as Cid)
}

/** What the worker next in line should hold of a job that another one works at. */
export function followDue(
  ledger: Ledger,
  job: Fact<'job'>,
  self: Address,
  nowMs: number,
): Extract<Duty, { kind: 'follow' }> | undefined {
  const jobId = job.envelope.digest
  if (job.body.task !== 'fine-tune' || !ledger.members.has(self, 'worker')) return undefined
  if (statesOf(ledger, jobId, self).length === 0) return undefined
  const turn = turnOf(ledger, jobId, nowMs)
  if (!turn || turn.worker.node === self) return undefined
  const state = ledger.beats.get(jobId)?.get(turn.worker.node)?.state
  if (!state || nextInLine(ledger, jobId, turn) !== self) return undefined
  return { kind: 'follow', duty: `follow ${jobId} ${state}`, jobId, state }
}

/** Who would get the turn if the one that runs ended now. */
function nextInLine(ledger: Ledger, jobId: Hash, { worker, attempt }: Turn): Address | undefined {
  const order = ledger.members.ranked('worker', 'execute', jobId)
  const refusals = ledger.refusals.get(jobId)
  const claims = ledger.claims.get(jobId)
  for (let ahead = 1; ahead <= order.length; ahead++) {
    const { node } = order[(attempt + ahead) % order.length]!
    if (node !== worker.node && !refusals?.has(node) && !claims?.has(node)) return node
  }
  return undefined
}
