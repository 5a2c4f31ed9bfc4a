/** All that nodes say to each other, each said by one author and most of it said only once. */
import { Endorsement, Proposal } from './batch.ts'
import { Beat } from './beat.ts'
import { Claim } from './claim.ts'
import type { Address } from './fields.ts'
import type { Hash } from './hash.ts'
import { Job } from './job.ts'
import { Opening } from './opening.ts'
import { Refusal } from './refusal.ts'
import { type Domain, digest, type ValueOf } from './struct.ts'
import { Vote } from './vote.ts'

/** The struct of each kind of message. */
export const MESSAGES = {
  job: Job,
  beat: Beat,
  refusal: Refusal,
  claim: Claim,
  vote: Vote,
  opening: Opening,
  proposal: Proposal,
  endorsement: Endorsement,
} as const

export type Kind = keyof typeof MESSAGES
export const KINDS = Object.keys(MESSAGES) as Kind[]

export type Message = { [K in Kind]: { kind: K; body: ValueOf<(typeof MESSAGES)[K]> } }[Kind]
export type MessageOf<K extends Kind> = Extract<Message, { kind: K }>

/** The digest that its author signs, which also names the message. */
export function messageDigest(message: Message, domain: Domain): Hash {
  switch (message.kind) {
    case 'job':
      return digest(Job, message.body, domain)
    case 'beat':
      return digest(Beat, message.body, domain)
    case 'refusal':
      return digest(Refusal, message.body, domain)
    case 'claim':
      return digest(Claim, message.body, domain)
    case 'vote':
      return digest(Vote, message.body, domain)
    case 'opening':
      return digest(Opening, message.body, domain)
    case 'proposal':
      return digest(Proposal, message.body, domain)
    case 'endorsement':
      return digest(Endorsement, message.body, domain)
  }
}

/** Who must have signed it. */
export function authorOf(message: Message): Address {
  switch (message.kind) {
    case 'job':
      return message.body.requester
    case 'beat':
    case 'refusal':
    case 'claim':
      return message.body.worker
    case 'vote':
    case 'opening':
    case 'endorsement':
      return message.body.validator
    case 'proposal':
      return message.body.proposer
  }
}

/** Who is to hear a message. */
export type Audience = 'everyone' | 'validators'

/** What has no use for anyone but validators is not sent to thousands of workers. */
export function audienceOf({ kind }: Message): Audience {
  return kind === 'endorsement' ? 'validators' : 'everyone'
}

/**
 * What its author may say once: two different messages of one author in one slot contradict each other.
 * Jobs are told apart by their digest and beats may follow one another, so neither has a slot.
 */
export function slotOf(message: Message): string | undefined {
  const { kind, body } = message
  switch (kind) {
    case 'job':
    case 'beat':
      return undefined
    case 'refusal':
      return `refusal ${body.jobId} ${body.worker}`
    case 'claim':
      return `claim ${body.jobId} ${body.worker}`
    case 'vote':
      return `vote ${body.claim} ${body.validator}`
    case 'opening':
      return `opening ${body.claim} ${body.validator}`
    case 'proposal':
      return `proposal ${body.number} ${body.previous} ${body.epoch} ${body.proposer}`
    case 'endorsement':
      return `endorsement ${body.header} ${body.validator}`
  }
}

/** When it was said; an endorsement says nothing of time, being good as long as its batch is the next. */
export function issuedAtMs(message: Message): number | undefined {
  return message.kind === 'endorsement' ? undefined : message.body.issuedAtMs
}
