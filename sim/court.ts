/**
 * The judges of the fake L2: demanded receipts, false claims that the chain works out, and cases before a jury. It refuses what
 * Disputes and Jury refuse.
 */
import type { Signed } from '../coordinator-free/disputes.ts'
import type { InBatch } from '../coordinator-free/events.ts'
import { transcriptIn } from '../coordinator-free/kept-claims.ts'
import { type BatchHeader, headerHash } from '../protocol/batch.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Address } from '../protocol/fields.ts'
import { fromHex, type Hash, keccakHash, utf8, word, ZERO_HASH } from '../protocol/hash.ts'
import { outcomeOf, verdictSeal } from '../protocol/jury.ts'
import { merkleProof, merkleVerify } from '../protocol/merkle.ts'
import { authorOf } from '../protocol/message.ts'
import type { ParameterValues } from '../protocol/parameters.ts'
import { receiptLeaf } from '../protocol/receipt.ts'
import type { Verdict } from '../protocol/vote.ts'
import { NothingToDo, Reverted, type WriteLog } from './contract.ts'
import type { Stakes } from './stakes.ts'
import { isPlainlyFalse } from './work.ts'

/** What the judges ask of the ResultLedger and of the chain. */
export interface Bench {
  readonly stakes: Stakes
  readonly governed: ParameterValues
  readonly log: WriteLog
  head(): { readonly number: number; readonly timestampMs: number }
  requireOpen(header: BatchHeader): void
  isVoid(header: BatchHeader): boolean
  hold(number: number): void
  release(number: number): void
  /** Finds a batch false, unless an older one is. */
  fault(number: number, fault: Fault): void
  /** Finds it false for a claim. @throws Reverted where it is known to be false already */
  faultFor(number: number, claim: Hash): void
  /** What was false about a batch that was taken back. */
  faultOf(headerHash: Hash): Fault | undefined
  /** Who signed a batch that was posted. */
  endorsersOf(headerHash: Hash): readonly Address[]
  isSigned(envelope: Envelope): boolean
}

/** What is false about a batch: a claim, what a jury has said and punished, or, plainly, data that nobody shows. */
export type Fault = Hash | 'judged' | 'plain'

interface Case {
  readonly claim: Hash
  /** What the accused opened; `ZERO_HASH` where the claim itself is doubted. */
  readonly transcript: Hash
  readonly challenger: Address
  readonly header: BatchHeader
  readonly accused: readonly Address[]
  seedBlock: number
  stage: 'opened' | 'drawn' | 'decided'
  jurors: readonly Address[]
  commitUntilMs: number
  revealUntilMs: number
  readonly seals: Map<Address, Hash>
  readonly verdicts: Map<Address, Verdict>
}

const SEED_BLOCKS = 2
/** The EVM knows the hashes of so many blocks. */
const KNOWN_BLOCKS = 255
const SILENCE_BPS = 100
const GWEI = 10n ** 9n

export class Court {
  /** How often each thing happened. */
  readonly counters = {
    ...{ shown: 0, withheld: 0, upheld: 0, dismissed: 0, undecided: 0 },
    ...{ proved: 0, punished: 0, unmasked: 0 },
  }
  readonly #bench: Bench
  readonly #demands = new Map<string, { readonly header: BatchHeader; readonly untilMs: number }>()
  readonly #cases: Case[] = []
  /** By what is doubted. */
  readonly #caseOf = new Map<string, Case>()
  readonly #condemned = new Set<string>()
  readonly #owed = new Set<Address>()
  /** Statements on false claims, and endorsements of hidden batches, whose authors have paid. */
  readonly #punished = new Set<string>()

  constructor(bench: Bench) {
    this.#bench = bench
  }

  /** True while something is before the judges that matters to a batch. */
  get isSitting(): boolean {
    const asked = [...this.#demands.values()].some(({ header }) => !this.#bench.isVoid(header))
    return asked || this.#cases.some(({ stage }) => stage !== 'decided')
  }

  /** True where a demand of this receipt would not be refused for what it asks. */
  mayDemand(header: BatchHeader, index: number): boolean {
    return index < header.receiptCount && !this.#demands.has(`${headerHash(header)} ${index}`)
  }

  demand(asker: Address, header: BatchHeader, index: number, bondWei = this.#bondWei): void {
    if (bondWei !== this.#bondWei) throw new Reverted('WrongBond')
    this.#bench.requireOpen(header)
    if (index >= header.receiptCount) throw new Reverted('NoSuchReceipt')
    const key = `${headerHash(header)} ${index}`
    if (this.#demands.has(key)) throw new Reverted('AlreadyDemanded')
    const untilMs = this.#nowMs + this.#bench.governed.answerSeconds * 1000
    this.#demands.set(key, { header, untilMs })
    this.#bench.hold(header.number)
    this.#bench.log({ kind: 'demanded', batch: header.number, index, asker, untilMs })
  }

  show(place: InBatch): void {
    const { header, index } = place
    requirePlaced(place)
    this.#endDemand(header, index)
    if (!this.#bench.isVoid(header)) this.#bench.release(header.number)
    this.counters.shown += 1
    this.#bench.log({ kind: 'shown', batch: header.number, index })
  }

  foreclose(header: BatchHeader, index: number): void {
    const held = this.#demands.get(`${headerHash(header)} ${index}`)
    if (held && this.#nowMs <= held.untilMs) throw new Reverted('StillTime')
    this.#endDemand(header, index)
    this.#bench.log({ kind: 'withheld', batch: header.number, index })
    if (this.#bench.isVoid(header)) return
    this.counters.withheld += 1
    this.#bench.release(header.number)
    this.#bench.fault(header.number, 'plain')
  }

  open(challenger: Address, place: InBatch, bondWei: bigint): void {
    this.#requireDoubtable(place, bondWei)
    const { claim, worker, passedBy } = place.receipts[place.index]!
    this.#open({ claim, transcript: ZERO_HASH, challenger, accused: [worker, ...passedBy] }, place)
    this.#bench.hold(place.header.number)
  }

  /** Doubts those who passed an answer and opened this, all of them one transcript: not the answer itself. */
  openUnseen(
    challenger: Address,
    place: InBatch,
    openings: readonly Envelope[],
    bondWei: bigint,
  ): void {
    this.#requireDoubtable(place, bondWei)
    const { claim, task, passedBy } = place.receipts[place.index]!
    if (task !== 'inference') throw new Reverted('NotAnAnswer')
    const transcript = transcriptIn(openings[0]!)
    if (openings.length !== passedBy.length) throw new Reverted('WrongCount')
    for (const [index, envelope] of openings.entries()) {
      const { kind, body } = envelope.message
      const isOf = kind === 'opening' && body.claim === claim && body.transcript === transcript
      if (!isOf || transcript === ZERO_HASH) throw new Reverted('OpensAnother')
      if (body.validator !== passedBy[index]) throw new Reverted('NotPassedBy')
      if (!this.#bench.isSigned(envelope)) throw new Reverted('BadSignature')
    }
    this.#open({ claim, transcript, challenger, accused: passedBy }, place)
  }

  #requireDoubtable(place: InBatch, bondWei: bigint): void {
    if (bondWei !== this.#bondWei) throw new Reverted('WrongBond')
    requirePlaced(place)
    this.#bench.requireOpen(place.header)
  }

  #open(
    about: Pick<Case, 'claim' | 'transcript' | 'challenger' | 'accused'>,
    { header }: InBatch,
  ): void {
    const known = this.#caseOf.get(subjectOf(about))
    if (known && !this.#bench.isVoid(known.header)) throw new Reverted('AlreadyInDispute')
    const seedBlock = this.#bench.head().number + SEED_BLOCKS
    const opened: Case = {
      ...{ ...about, header, seedBlock, stage: 'opened' },
      ...{ jurors: [], commitUntilMs: 0, revealUntilMs: 0, seals: new Map(), verdicts: new Map() },
    }
    this.#cases.push(opened)
    this.#caseOf.set(subjectOf(about), opened)
    const { claim, transcript, challenger } = about
    const told = { number: this.#cases.length, batch: header.number, claim, transcript, challenger }
    this.#bench.log({ kind: 'case-opened', ...told, seedBlock })
  }

  /** A false claim that shows by itself: no jury need be asked. */
  prove(place: InBatch): void {
    const { header } = place
    requirePlaced(place)
    this.#bench.requireOpen(header)
    const receipt = place.receipts[place.index]!
    if (!isPlainlyFalse(receipt)) throw new Reverted('ScoreIsRight')
    this.#bench.faultFor(header.number, receipt.claim)
    this.counters.proved += 1
  }

  /** Whoever signed the claim for which a batch was found false, or passed it, or endorsed what nobody shows, pays once. */
  punish(headerHash: Hash, claims: readonly Signed[]): void {
    const fault = this.#bench.faultOf(headerHash)
    if (fault === 'plain') {
      this.#punishEndorsers(headerHash)
      return
    }
    const found = claims.find(({ claim }) => claim.digest === fault)
    if (!found) throw new NothingToDo('NotFalse')
    const said = [found.claim, ...found.passes]
    const left = said.filter(({ digest }) => !this.#punished.has(digest))
    if (left.length === 0) throw new Reverted('AlreadyPunished')
    for (const statement of left) {
      if (!this.#bench.isSigned(statement)) throw new Reverted('BadSignature')
      const { kind, body } = statement.message
      const isPass = kind === 'vote' && body.claim === fault && body.verdict === 'pass'
      if (kind !== 'claim' && !isPass) throw new Reverted('NotFalse')
      this.#punished.add(statement.digest)
      this.counters.punished += 1
      const { stakes, governed } = this.#bench
      stakes.slashBps(authorOf(statement.message), governed.endorserSlashBps, 'accused')
    }
  }

  #punishEndorsers(headerHash: Hash): void {
    const keyOf = (node: Address) => `${headerHash} ${node}`
    const endorsers = this.#bench.endorsersOf(headerHash)
    const left = endorsers.filter((node) => !this.#punished.has(keyOf(node)))
    if (left.length === 0) throw new Reverted('AlreadyPunished')
    const { stakes, governed } = this.#bench
    for (const node of left) {
      this.#punished.add(keyOf(node))
      this.counters.punished += 1
      stakes.slashBps(node, governed.endorserSlashBps, 'accused')
    }
  }

  draw(number: number): void {
    const opened = this.#case(number, 'opened')
    const { number: head, timestampMs } = this.#bench.head()
    if (head <= opened.seedBlock) throw new Reverted('TooEarly')
    if (head > opened.seedBlock + KNOWN_BLOCKS) {
      opened.seedBlock = head + SEED_BLOCKS
      return
    }
    const { jurySeats, commitSeconds, revealSeconds } = this.#bench.governed
    const seed = keccakHash(utf8('lot'), word(opened.seedBlock), fromHex(opened.claim))
    const parties = [...opened.accused, opened.challenger]
    const jurors = this.#bench.stakes.draw(seed, jurySeats, parties)
    const commitUntilMs = timestampMs + commitSeconds * 1000
    const revealUntilMs = commitUntilMs + revealSeconds * 1000
    Object.assign(opened, { stage: 'drawn', jurors, commitUntilMs, revealUntilMs })
    this.#bench.log({ kind: 'jurors-drawn', number, jurors, commitUntilMs, revealUntilMs })
  }

  commit(juror: Address, number: number, seal: Hash): void {
    const drawn = this.#case(number, 'drawn')
    if (this.#nowMs > drawn.commitUntilMs) throw new Reverted('TooLate')
    if (!drawn.jurors.includes(juror)) throw new Reverted('NotJuror')
    if (drawn.seals.has(juror)) throw new Reverted('AlreadyCommitted')
    drawn.seals.set(juror, seal)
    this.#bench.log({ kind: 'verdict-committed', number, juror })
  }

  reveal(juror: Address, number: number, verdict: Verdict, salt: Hash): void {
    const drawn = this.#case(number, 'drawn')
    if (this.#nowMs <= drawn.commitUntilMs) throw new Reverted('TooEarly')
    if (this.#nowMs > drawn.revealUntilMs) throw new Reverted('TooLate')
    if (drawn.verdicts.has(juror)) throw new Reverted('AlreadyRevealed')
    if (verdictSeal(number, juror, verdict, salt) !== drawn.seals.get(juror)) {
      throw new Reverted('WrongReveal')
    }
    drawn.verdicts.set(juror, verdict)
    this.#bench.log({ kind: 'verdict-revealed', number, juror, verdict })
  }

  decide(number: number): void {
    const drawn = this.#case(number, 'drawn')
    if (this.#nowMs <= drawn.revealUntilMs) throw new Reverted('TooEarly')
    drawn.stage = 'decided'
    const said = (verdict: Verdict) =>
      drawn.jurors.filter((juror) => drawn.verdicts.get(juror) === verdict).length
    const [passes, fails] = [said('pass'), said('fail')]
    const outcome = outcomeOf(passes, fails, drawn.jurors.length)
    const isOfClaim = drawn.transcript === ZERO_HASH
    if (isOfClaim && !this.#bench.isVoid(drawn.header)) this.#bench.release(drawn.header.number)
    this.counters[outcome] += 1
    this.#bench.log({ kind: 'case-decided', number, outcome, passes, fails })
    if (outcome === 'dismissed') for (const juror of drawn.verdicts.keys()) this.#owed.add(juror)
    else this.#owed.add(drawn.challenger)
    if (outcome === 'undecided') this.#caseOf.delete(subjectOf(drawn))
    if (outcome === 'upheld') this.#condemn(drawn)
    if (outcome !== 'undecided') this.#slashSilent(drawn)
  }

  withdraw(account: Address): void {
    if (!this.#owed.delete(account)) throw new Reverted('NothingOwed')
  }

  #condemn(upheld: Case): void {
    const { transcript, header, accused } = upheld
    if (transcript !== ZERO_HASH) this.counters.unmasked += 1
    else if (!this.#bench.isVoid(header)) this.#bench.fault(header.number, 'judged')
    if (this.#condemned.has(subjectOf(upheld))) return
    this.#condemned.add(subjectOf(upheld))
    const { stakes, governed } = this.#bench
    for (const node of accused) stakes.slashBps(node, governed.endorserSlashBps, 'accused')
  }

  #slashSilent({ jurors, verdicts }: Case): void {
    for (const juror of new Set(jurors)) {
      if (!verdicts.has(juror)) this.#bench.stakes.slashBps(juror, SILENCE_BPS, 'silent')
    }
  }

  #case(number: number, stage: Case['stage']): Case {
    const known = this.#cases[number - 1]
    if (known?.stage !== stage) throw new Reverted('NotAt')
    return known
  }

  #endDemand(header: BatchHeader, index: number): void {
    const key = `${headerHash(header)} ${index}`
    if (!this.#demands.delete(key)) throw new Reverted('NotDemanded')
  }

  get #bondWei(): bigint {
    return BigInt(this.#bench.governed.challengeBondGwei) * GWEI
  }

  get #nowMs(): number {
    return this.#bench.head().timestampMs
  }
}

/** What a case is about. */
function subjectOf({ claim, transcript }: Pick<Case, 'claim' | 'transcript'>): string {
  return `${claim} ${transcript}`
}

/** The receipt stands in the batch that its header names. */
function requirePlaced({ header, receipts, index }: InBatch): void {
  const leaves = receipts.map(receiptLeaf)
  const { receiptsRoot, receiptCount } = header
  const leaf = leaves[index]
  if (!leaf || !merkleVerify(receiptsRoot, receiptCount, leaf, merkleProof(leaves, index))) {
    throw new Reverted('NotInBatch')
  }
}
