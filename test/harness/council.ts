/** A few registered nodes and the core of one of them, fed by hand: three workers, three validators, one gateway. */
import type { Effect, Event } from '../../coordinator-free/events.ts'
import { Core, type CoreOptions } from '../../coordinator-free/node.ts'
import type { ChainFact, ChainLog, HeadBlock, Role } from '../../protocol/chain.ts'
import { type Envelope, seal } from '../../protocol/envelope.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Message } from '../../protocol/message.ts'
import { NOWHERE, type Seen, transcriptSeal } from '../../protocol/opening.ts'
import type { Vote } from '../../protocol/vote.ts'
import type { SealPlace } from '../../protocol/witness.ts'
import {
  cidNumber,
  hashNumber,
  jobNumber,
  keyNumber,
  MESSAGES,
  NOW_MS,
  VOUCHERS,
} from './messages.ts'

/** Key numbers by role; each node has an owner of its own. */
export const GATEWAY = 10
export const WORKERS = [1, 2, 3] as const
export const VALIDATORS = [4, 5, 6] as const
export const STRANGER = 99

export const addressNumber = (number: number): Address => keyNumber(number).address

export function council(self: number, options: Partial<CoreOptions> = {}): Core {
  const gate = { messages: MESSAGES, vouchers: VOUCHERS }
  const rules = { treasury: addressNumber(77), stakers: addressNumber(78) }
  const core = new Core({ self: addressNumber(self), gate, rules, ...options })
  for (const number of WORKERS) stake(core, number, ['worker'])
  for (const number of VALIDATORS) stake(core, number, ['validator'])
  tell(core, {
    kind: 'escrowed',
    blockNumber: 0,
    payer: addressNumber(GATEWAY),
    balanceWei: 10n ** 18n,
    leavingWei: 0n,
    redeemedWei: 0n,
    authorisedWei: 0n,
  })
  block(core, 1)
  return core
}

export function stake(core: Core, number: number, roles: Role[], stakeWei = 10n ** 18n): void {
  const node = addressNumber(number)
  tell(core, {
    kind: 'staked',
    blockNumber: 0,
    node,
    owner: addressNumber(number + 500),
    roles,
    stakeWei,
  })
}

export function tell(core: Core, fact: ChainLog, nowMs = NOW_MS): Effect[] {
  return heard(core, fact, nowMs)
}

/** The chain tells something, and the core is woken since something may follow. */
function heard(core: Core, fact: ChainFact, nowMs: number): Effect[] {
  const told = core.handle({ kind: 'chain', fact }, nowMs)
  if (core.wakeAtMs(nowMs) > nowMs && !core.watchesHead) return told
  const due = core.handle({ kind: 'tick' }, nowMs)
  return [...told, ...due.filter(({ kind }) => kind !== 'reconcile')]
}

export const blockHash = (number: number): Hash => hashNumber(5000 + number)

type Fees = Pick<HeadBlock, 'baseFeeWei' | 'byteFeeWei'>

export function block(core: Core, number: number, nowMs = NOW_MS, fees: Fees = {}): Effect[] {
  const fact = {
    kind: 'block',
    number,
    hash: blockHash(number),
    timestampMs: nowMs,
    ...fees,
  } as const
  return heard(core, fact, nowMs)
}

export function signed(message: Message, number: number): Envelope {
  return seal(message, keyNumber(number).privateKey, MESSAGES)
}

export function jobEnvelope(
  number: number,
  change: Parameters<typeof jobNumber>[2] = {},
): Envelope {
  return signed({ kind: 'job', body: jobNumber(number, GATEWAY, change) }, GATEWAY)
}

export function claimEnvelope(
  jobId: Hash,
  worker: number,
  output = 1,
  commitment = hashNumber(1),
): Envelope {
  const body = {
    jobId,
    worker: addressNumber(worker),
    output: cidNumber(output),
    commitment,
    attribution: hashNumber(2),
    units: 10,
    graph: hashNumber(3),
    issuedAtMs: NOW_MS,
  }
  return signed({ kind: 'claim', body }, worker)
}

export function voteEnvelope(
  claim: Envelope,
  validator: number,
  verdict: Vote['verdict'] = 'pass',
  transcript: Hash = TRANSCRIPT,
): Envelope {
  if (claim.message.kind !== 'claim') throw new TypeError('votes are on claims')
  const body = {
    jobId: claim.message.body.jobId,
    claim: claim.digest,
    validator: addressNumber(validator),
    verdict,
    reason: verdict === 'pass' ? 'none' : 'tokens-differ',
    checked: 5,
    beaconBlock: 2,
    seal: transcriptSeal(claim.digest, transcript, addressNumber(validator)),
    issuedAtMs: NOW_MS,
  } as const
  return signed({ kind: 'vote', body }, validator)
}

/** What all who look see. */
export const TRANSCRIPT = hashNumber(6000)
export const SEEN: Seen = { transcript: TRANSCRIPT, place: NOWHERE, isSure: true }

export function openingEnvelope(
  claim: Envelope,
  validator: number,
  transcript: Hash = TRANSCRIPT,
  place: SealPlace = NOWHERE,
): Envelope {
  if (claim.message.kind !== 'claim') throw new TypeError('openings are of votes on claims')
  const { jobId } = claim.message.body
  const { state, path, siblings } = place
  const told = { transcript, state, path, siblings: [...siblings] }
  const said = { jobId, claim: claim.digest, validator: addressNumber(validator), ...told }
  return signed({ kind: 'opening', body: { ...said, issuedAtMs: NOW_MS } }, validator)
}

export function receive(core: Core, envelope: Envelope, nowMs = NOW_MS): Effect[] {
  return core.handle({ kind: 'received', bytes: envelope.bytes, via: 'gossip' }, nowMs)
}

/** The reason with which these bytes were admitted or not. */
export function reasonFor(
  core: Core,
  bytes: Uint8Array,
  nowMs = NOW_MS,
  via: Extract<Event, { kind: 'received' }>['via'] = 'gossip',
): string {
  const effects = core.handle({ kind: 'received', bytes, via }, nowMs)
  const judged = effects.find((effect) => effect.kind === 'judge')
  return judged?.kind === 'judge' ? judged.judgement.reason : 'none'
}

export function kinds(effects: readonly Effect[]): string[] {
  return effects.map(({ kind }) => kind).filter((kind) => kind !== 'judge' && kind !== 'tell')
}

/** Key numbers of the workers in the order of their turns for a job. */
export function turnsOf(core: Core, jobId: Hash): number[] {
  const order = core.ledger.members.ranked('worker', 'execute', jobId)
  return order.map(({ node }) => WORKERS.find((number) => addressNumber(number) === node)!)
}
