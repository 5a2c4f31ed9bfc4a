/** Says two things where it may say one: two verdicts on a claim, two results for a job. */
import type { Message } from '../../protocol/message.ts'
import { resultOf } from '../work.ts'
import type { Adversary, Body } from './adversary.ts'

export function equivocating(body: Body): Adversary {
  return (effect) => {
    if (effect.kind !== 'publish') return false
    const other = otherOf(body, effect.message)
    if (!other) return false
    body.perform(effect)
    body.say(other)
    body.strike()
    return true
  }
}

function otherOf({ ledger }: Body, message: Message): Message | undefined {
  if (message.kind === 'vote') {
    const { verdict } = message.body
    const other = verdict === 'pass' ? 'fail' : 'pass'
    const reason = other === 'pass' ? 'none' : 'tokens-differ'
    return { kind: 'vote', body: { ...message.body, verdict: other, reason } }
  }
  if (message.kind !== 'claim') return undefined
  const { jobId } = message.body
  const job = ledger.jobs.get(jobId)?.body
  return job && { kind: 'claim', body: { ...message.body, ...resultOf(jobId, job, true) } }
}
