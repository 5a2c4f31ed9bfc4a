/** What an onlooker hears: each admitted message and each log, in a form fit for a line on a screen. */
import type { ChainFact } from '../protocol/chain.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { News } from './events.ts'

export function newsOfMessage({ message, digest }: Envelope): News | undefined {
  const { kind, body } = message
  switch (kind) {
    case 'job':
      return { kind, jobId: digest, job: body }
    case 'beat': {
      const { jobId, worker, done, total, lossMicro } = body
      return { kind, jobId, worker, done, total, lossMicro }
    }
    case 'claim':
      return { kind, jobId: body.jobId, claimId: digest, claim: body }
    case 'vote': {
      const { jobId, claim, validator, verdict, reason } = body
      return { kind, jobId, claimId: claim, validator, verdict, reason }
    }
    case 'endorsement':
      return { kind, header: body.header, validator: body.validator }
    case 'proposal':
      return undefined
  }
}

export function newsOfChain(fact: ChainFact): News | undefined {
  switch (fact.kind) {
    case 'batch-posted':
      return { kind: fact.kind, header: fact.header, txHash: fact.txHash }
    case 'batch-final':
      return { kind: fact.kind, number: fact.number, txHash: fact.txHash }
    case 'model-registered':
      return { kind: fact.kind, adapter: fact.adapter, owner: fact.owner }
    default:
      return undefined
  }
}
