/** What this node brings before the judges on the L2, and what it says there as a juror. */
import { randomBytes } from 'node:crypto'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import type { Disputes, Signed } from '../../coordinator-free/disputes.ts'
import type { InBatch } from '../../coordinator-free/events.ts'
import { transcriptIn } from '../../coordinator-free/kept-claims.ts'
import type { Ledger } from '../../coordinator-free/ledger.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import { faultOfClaim, PLAIN_FAULT } from '../../protocol/fault.ts'
import { type Hash, toHex, ZERO_HASH } from '../../protocol/hash.ts'
import { verdictOnPasses, verdictSeal } from '../../protocol/jury.ts'
import { authorOf } from '../../protocol/message.ts'
import { type Beacon, Beginnings } from '../beacon/beacon.ts'
import type { Call } from '../chain/calls.ts'
import type { ChainClient } from '../chain/client.ts'
import {
  demandCall,
  falseClaimCall,
  falseEndorsementCall,
  falsePassCall,
  forecloseCall,
  placedIn,
  showCall,
} from '../chain/dispute-calls.ts'
import { readEndorsements } from '../chain/endorsements.ts'
import { ChainError } from '../chain/errors.ts'
import { owedByCases } from '../chain/holdings.ts'
import {
  commitVerdictCall,
  decideCall,
  drawCall,
  openCaseCall,
  openUnseenCall,
  revealVerdictCall,
  withdrawFromJuryCall,
} from '../chain/jury-calls.ts'
import type { Performer, Performers } from '../runtime.ts'
import type { Ballots } from '../storage/ballots.ts'
import { StorageError } from '../storage/errors.ts'
import { LOG_WAIT_MS, type SettleOptions, unlessDone } from './settle.ts'
import type { Check } from './verify.ts'

export interface JudgingOptions extends SettleOptions {
  readonly ballots: Ballots
  readonly check: Check
  readonly beacon: Beacon
  /** What shows the chain itself that a receipt's attribution is false: see `proof.ts`. */
  readonly prove: (place: InBatch, signal: AbortSignal) => Promise<Call | undefined>
}

type Judging = Pick<
  Performers,
  | 'demand'
  | 'show'
  | 'foreclose'
  | 'challenge'
  | 'draw'
  | 'hear'
  | 'commit'
  | 'reveal'
  | 'decide'
  | 'withdraw'
  | 'punish'
>

export function judging(options: JudgingOptions): Judging {
  return {
    demand: performDemand(options),
    show: performShow(options),
    foreclose: performForeclose(options),
    challenge: performChallenge(options),
    draw: performDraw(options),
    hear: performHear(options),
    commit: performCommit(options),
    reveal: performReveal(options),
    decide: performDecide(options),
    withdraw: performWithdraw(options),
    punish: performPunish(options),
  }
}

function performDemand(options: JudgingOptions): Performer<'demand'> {
  return async ({ header, index, bondWei }, signal) => {
    const isAsked = ({ disputes }: Ledger) => disputes.askedOf(header).has(index)
    await write(options, demandCall(header, index, bondWei), isAsked, signal)
    const about = { batch: header.number, receipt: index, bondWei: `${bondWei}` }
    options.log.warn(about, 'receipt demanded: the data of its batch cannot be had')
    return undefined
  }
}

function performShow(options: JudgingOptions): Performer<'show'> {
  return async (duty, signal) => {
    const { header, index } = duty
    const isEnded = ({ disputes }: Ledger) => !isDemanded(disputes, header, index)
    await write(options, showCall(placedIn(duty)), isEnded, signal)
    options.log.info({ batch: header.number, receipt: index }, 'demanded receipt shown')
    return undefined
  }
}

function performForeclose(options: JudgingOptions): Performer<'foreclose'> {
  return async ({ header, index }, signal) => {
    const isEnded = ({ disputes }: Ledger) => !isDemanded(disputes, header, index)
    await write(options, forecloseCall(header, index), isEnded, signal)
    options.log.warn({ batch: header.number, receipt: index }, 'withheld receipt foreclosed')
    return undefined
  }
}

function performChallenge(options: JudgingOptions): Performer<'challenge'> {
  return async (duty, signal) => {
    const { header, receipts, index, bondWei, openings } = duty
    const { claim } = receipts[index]!
    const [opening] = openings
    if (opening) {
      const transcript = transcriptIn(opening)
      const isCalled = ({ disputes }: Ledger) => disputes.isJudged(claim, header, transcript)
      await write(options, openUnseenCall(duty, openings, bondWei), isCalled, signal)
      const passedBy = openings.map(({ message }) => authorOf(message))
      options.log.warn({ batch: header.number, claim, passedBy }, 'jury called over who passed it')
      return undefined
    }
    const proof = await proofOf(options, duty, signal)
    if (proof && (await isTaken(options, proof, header, signal))) {
      options.log.warn({ batch: header.number, claim }, 'false attribution proved')
      return undefined
    }
    if (!(await isSeenByMost(options, claim, signal))) {
      options.log.warn(
        { batch: header.number, claim },
        'no jury called: few of its jurors would see it',
      )
      return { kind: 'relented', claim }
    }
    const isCalled = ({ disputes }: Ledger) => disputes.isJudged(claim, header)
    await write(options, openCaseCall(duty, bondWei), isCalled, signal)
    options.log.warn({ batch: header.number, claim, bondWei: `${bondWei}` }, 'jury called')
    return undefined
  }
}

/** Parts of a fine-tune that are looked at before a jury is called. */
const FURTHER_LOOKS = 2

/** Each juror sees another part of a fine-tune: a jury over one that is false in few places would dismiss the case. */
async function isSeenByMost(
  { check, runtime }: JudgingOptions,
  claimId: Hash,
  signal: AbortSignal,
): Promise<boolean> {
  const work = runtime.core.ledger.disputes.claims.work(claimId)
  if (work?.job.task !== 'fine-tune') return true
  for (let look = 0; look < FURTHER_LOOKS; look++) {
    const beacon = toHex(randomBytes(32)) as Hash
    const { verdict } = await check({ ...work, claimId, beacon }, signal)
    if (verdict !== 'fail') return false
  }
  return true
}

/** A jury needs no proof, so where it cannot be put together one is called. */
async function proofOf({ prove, log }: JudgingOptions, place: InBatch, signal: AbortSignal) {
  try {
    return await prove(place, signal)
  } catch (error) {
    if (signal.aborted) throw error
    const { message } = error as Error
    log.info({ batch: place.header.number, error: message }, 'no proof at hand, so a jury decides')
    return undefined
  }
}

/** False where the chain cannot judge by it: it knows no index of an adapter that nobody registered, and no long run's end. */
async function isTaken(
  options: JudgingOptions,
  proof: Call,
  header: BatchHeader,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await write(options, proof, (ledger) => isFalse(ledger, header), signal)
    return true
  } catch (error) {
    if (!(error instanceof ChainError && error.code === 'reverted')) throw error
    const about = { batch: header.number, error: error.message }
    options.log.info(about, 'the chain takes no proof, so a jury decides')
    return false
  }
}

function performDraw(options: JudgingOptions): Performer<'draw'> {
  return async ({ number }, signal) => {
    // Where the block that was to choose is forgotten, the contract takes a later one, and the duty comes again.
    const isDrawn = (ledger: Ledger): boolean => {
      const known = caseOf(ledger, number)
      return !known || known.drawn !== undefined
    }
    await write(options, drawCall(number), isDrawn, signal)
    return undefined
  }
}

/** What was sealed in an earlier life is not worked out again: it is what will be revealed. */
function performHear({ ballots, check, beacon, log }: JudgingOptions): Performer<'hear'> {
  const beginnings = new Beginnings()
  return async (duty, signal) => {
    const { number, claimId, transcript } = duty
    const held = ballots.held(number, claimId)
    if (held) return { kind: 'heard', number, verdict: held.verdict }
    const anchor = beginnings.of(duty.duty, duty.beacon, duty.beacon)
    const { randomness } = await beacon.of(anchor, signal).catch((error: unknown) => {
      if (isGone(error)) beginnings.forget(duty.duty)
      throw error
    })
    const found = await check({ ...duty, beacon: randomness }, signal)
    beginnings.forget(duty.duty)
    const { reason } = found
    const isOfPasses = transcript !== ZERO_HASH
    const verdict = isOfPasses ? verdictOnPasses(found, transcript) : found.verdict
    log.info({ case: number, claimId, isOfPasses, verdict, reason }, 'heard as a juror')
    return { kind: 'heard', number, verdict }
  }
}

/** True where the chain has taken the block back. */
function isGone(error: unknown): boolean {
  return error instanceof ChainError && error.code === 'block-gone'
}

function performCommit(options: JudgingOptions): Performer<'commit'> {
  const { chain, ballots, log } = options
  return async ({ number, claimId, verdict }, signal) => {
    const ballot = ballots.seal(number, claimId, verdict)
    const seal = verdictSeal(number, chain.account, ballot.verdict, ballot.salt)
    const isIn = (ledger: Ledger) => caseOf(ledger, number)?.committed.has(chain.account) !== false
    await write(options, commitVerdictCall(number, seal), isIn, signal)
    log.info({ case: number }, 'committed to a verdict')
    return undefined
  }
}

function performReveal(options: JudgingOptions): Performer<'reveal'> {
  const { chain, ballots, log } = options
  return async ({ number, claimId }, signal) => {
    const ballot = ballots.held(number, claimId)
    if (!ballot) {
      throw new StorageError('missing', `The verdict in case ${number} is on no disk of this node.`)
    }
    const { verdict, salt } = ballot
    const isIn = (ledger: Ledger) => caseOf(ledger, number)?.revealed.has(chain.account) !== false
    await write(options, revealVerdictCall(number, verdict, salt), isIn, signal)
    log.info({ case: number, verdict }, 'verdict revealed')
    return undefined
  }
}

function performDecide(options: JudgingOptions): Performer<'decide'> {
  return async ({ number }, signal) => {
    const isDecided = (ledger: Ledger) => caseOf(ledger, number) === undefined
    await write(options, decideCall(number), isDecided, signal)
    return undefined
  }
}

function performWithdraw({ chain, log }: JudgingOptions): Performer<'withdraw'> {
  return async (_duty, signal) => {
    const owedWei = await owedByCases(chain, chain.account, signal)
    if (owedWei > 0n) {
      await chain.write(withdrawFromJuryCall(), signal)
      log.info({ owedWei: `${owedWei}` }, 'money of cases taken home')
    }
    return { kind: 'withdrawn' }
  }
}

/** Each statement is punished once, whoever shows it: where another was quicker, the rest may still be left. */
function performPunish({ chain, log }: JudgingOptions): Performer<'punish'> {
  return async ({ header, txHash, claims }, signal) => {
    const contract = { address: chain.deployment.addresses.resultLedger, abi: resultLedgerAbi }
    const fault = await chain.read(
      (client) =>
        client.readContract({ ...contract, functionName: 'faultOf', args: [header] as const }),
      signal,
    )
    const calls =
      fault === PLAIN_FAULT
        ? await endorsementCalls(chain, header, txHash, signal)
        : statementCalls(header, claims, fault)
    for (const call of calls) {
      await unlessDone(async () => {
        const sent = await chain.write(call, signal)
        log.warn({ header, txHash: sent.txHash }, call.what)
      })
    }
    return { kind: 'punished', header }
  }
}

/** All who endorsed the batch, but this node: that one others will report. */
async function endorsementCalls(
  chain: ChainClient,
  header: Hash,
  txHash: Hash,
  signal: AbortSignal,
): Promise<Call[]> {
  const endorsements = await readEndorsements(chain, txHash, signal)
  return endorsements
    .filter(({ validator }) => validator !== chain.account)
    .map((endorsement) => falseEndorsementCall(header, endorsement))
}

/** Who made and who passed the claim, if it is for one of these. */
function statementCalls(header: Hash, claims: readonly Signed[], fault: bigint): Call[] {
  const found = claims.find(({ claim }) => faultOfClaim(claim.digest) === fault)
  if (!found) return []
  const passes = found.passes.map((pass) => falsePassCall(header, pass))
  return [falseClaimCall(header, found.claim), ...passes].flatMap((call) => call ?? [])
}

/** Sends, and waits until the chain's log has told the core: before, the duty would fall due again at once. */
async function write(
  { runtime, chain }: SettleOptions,
  call: Call,
  isDone: (ledger: Ledger) => boolean,
  signal: AbortSignal,
): Promise<void> {
  await unlessDone(async () => {
    await chain.write(call, signal)
  })
  await runtime.until(isDone, LOG_WAIT_MS)
}

function isFalse({ faulty, batches }: Ledger, header: BatchHeader): boolean {
  const isFaulty = faulty > 0 && faulty <= header.number
  return isFaulty || batches.get(header.number)?.header !== header
}

function isDemanded({ demands }: Disputes, header: BatchHeader, index: number): boolean {
  return demands.some((demand) => demand.header === header && demand.index === index)
}

/** A case that is not decided. */
function caseOf({ disputes }: Ledger, number: number) {
  return disputes.openCases.find((one) => one.number === number)
}
