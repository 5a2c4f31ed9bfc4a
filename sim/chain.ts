/**
 * A fake L2 with the rules of our contracts: it refuses what they refuse, and says what their logs say. The same
 * compliance suite (`test/compliance/chain.ts`) runs against it and against the contracts on a real chain.
 */
import type { SignedCharge, SignedEndorsement } from '../coordinator-free/events.ts'
import type { Contradiction } from '../coordinator-free/ledger.ts'
import { type BatchHeader, Endorsement, headerHash as hashOf } from '../protocol/batch.ts'
import type { Prices } from '../protocol/batch-cost.ts'
import type { ChainFact, ChainLog, HeadBlock, Role } from '../protocol/chain.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Address } from '../protocol/fields.ts'
import { type Hash, keccakHash, utf8, word, ZERO_HASH } from '../protocol/hash.ts'
import { merkleVerify, type Proof, sumOf } from '../protocol/merkle.ts'
import { authorOf, slotOf } from '../protocol/message.ts'
import {
  EPOCH_SECONDS,
  epochOf,
  INITIAL_VALUES,
  type ParameterValues,
} from '../protocol/parameters.ts'
import { type Receipt, receiptLeaf } from '../protocol/receipt.ts'
import { recoverAddress } from '../protocol/signature.ts'
import { type Domain, digest } from '../protocol/struct.ts'
import { checkCharges, checkEpoch, checkFees } from './batch-checks.ts'
import { Reverted, type WriteLog } from './contract.ts'
import { Court, type Fault } from './court.ts'
import { Escrows } from './escrows.ts'
import { type Slash, Stakes } from './stakes.ts'

export interface FakeChainOptions {
  readonly messages: Domain
  readonly vouchers: Domain
  readonly windowMs: number
  /** What governs it; nothing moves here. */
  readonly governed?: ParameterValues
  readonly recover?: typeof recoverAddress
  /** Is told of each fact as it comes to be. */
  readonly onFact?: (fact: ChainFact) => void
}

interface Posted {
  readonly header: BatchHeader
  readonly finalAtMs: number
  final: boolean
}

export class FakeChain {
  readonly facts: ChainFact[] = []
  /** The fork of each block, from the first on. */
  readonly forks: number[] = []
  /** Counts batches posted, made final and taken back. */
  changes = 0
  readonly #options: FakeChainOptions
  /** Demands and cases. */
  readonly court: Court
  readonly #stakes: Stakes
  readonly #escrows: Escrows
  readonly #batches: Posted[] = []
  readonly #models = new Set<string>()
  /** Void batches whose charges have not been given back, by the hash of the header. */
  readonly #owed = new Set<Hash>()
  readonly #void = new Set<Hash>()
  /** Slots in which somebody was shown to have said two things. */
  readonly #punished = new Set<string>()
  /** How many disputes keep a batch from becoming final. */
  readonly #holds = new Map<number, number>()
  #head = { number: 0, timestampMs: 0 }
  #collectedWei = 0n
  #faulty = 0
  #found: Fault = 'judged'
  /** What was false about batches that were taken back, by the hash of the header. */
  readonly #faults = new Map<Hash, Fault>()
  /** Of all posted batches, those taken back among them, by the hash of the header. */
  readonly #endorsers = new Map<Hash, readonly Address[]>()
  #transactions = 0

  constructor(options: FakeChainOptions) {
    this.#options = options
    const log: WriteLog = (told) => this.#log(told)
    this.#stakes = new Stakes(log)
    this.#escrows = new Escrows(options, log)
    this.court = new Court({
      ...{ stakes: this.#stakes, governed: this.#governed, log },
      head: () => this.#head,
      requireOpen: (header) => this.#requireOpen(header),
      isVoid: (header) => this.#void.has(hashOf(header)),
      hold: (number) => this.#hold(number, 1),
      release: (number) => this.#hold(number, -1),
      fault: (number, fault) => {
        if (this.#faulty === 0 || this.#faulty > number) this.fault(number, fault)
      },
      faultFor: (number, claim) => this.fault(number, claim),
      faultOf: (headerHash) => this.#faults.get(headerHash),
      endorsersOf: (headerHash) => this.#endorsers.get(headerHash) ?? [],
      isSigned: (envelope) => this.#isSigned(envelope),
    })
  }

  /** Who staked for a node. */
  ownerOf(node: Address): Address {
    return this.#stakes.ownerOf(node)
  }

  /** All that was ever slashed. */
  get slashes(): readonly Slash[] {
    return this.#stakes.slashes
  }

  /** How many posted batches count. */
  get posted(): number {
    return this.#batches.length
  }

  /** Header of the posted batch at a place from 0 on. */
  headerAt(index: number): BatchHeader | undefined {
    return this.#batches[index]?.header
  }

  /** Headers of the posted batches that count. */
  get headers(): readonly BatchHeader[] {
    return this.#batches.map(({ header }) => header)
  }

  /** True while false batches have not been taken back. */
  get isRepairing(): boolean {
    return this.#faulty > 0
  }

  /** Number of the newest final batch. */
  get finalised(): number {
    return this.#batches.filter(({ final }) => final).length
  }

  /** @param fork tells blocks of one number apart. @param prices left out where nothing costs anything */
  mine(timestampMs: number, fork = 0, prices?: Prices): void {
    const number = this.#head.number + 1
    this.#head = { number, timestampMs }
    this.forks.push(fork)
    const hash = keccakHash(utf8('block'), word(number), ...(fork === 0 ? [] : [word(fork)]))
    this.#tell({ kind: 'block', number, hash, timestampMs, ...feesOf(prices) })
  }

  stake(node: Address, owner: Address, roles: readonly Role[], amountWei: bigint): void {
    this.#stakes.stake(node, owner, roles, amountWei)
  }

  exit(node: Address): void {
    this.#stakes.exit(node)
  }

  deposit(payer: Address, amountWei: bigint): void {
    this.#escrows.deposit(payer, amountWei)
  }

  post(
    header: BatchHeader,
    endorsements: readonly SignedEndorsement[],
    charges: readonly SignedCharge[],
  ): void {
    if (this.#faulty > 0) throw new Reverted('FaultOpen')
    if (header.number <= this.#batches.length) throw new Reverted('AlreadyPosted')
    if (header.number !== this.#batches.length + 1) throw new Reverted('NumberGap')
    if (this.#void.has(hashOf(header))) throw new Reverted('WasTakenBack')
    const before = this.#batches.at(-1)?.header
    const epoch = epochOf(this.#head.timestampMs, EPOCH_SECONDS)
    checkEpoch(header, before, epoch, this.#governed)
    checkCharges(header, charges)
    this.#checkEndorsements(header, endorsements)
    checkFees(header, before)
    this.#checkPromise(header)
    for (const charge of charges) this.#escrows.check(charge)
    this.#stakes.lock(header.proposer, this.#bondWei)
    for (const charge of charges) this.#escrows.redeem(charge)
    this.#collectedWei += header.collectedWei
    const finalAtMs = this.#head.timestampMs + this.#options.windowMs
    this.#batches.push({ header, finalAtMs, final: false })
    this.#endorsers.set(
      hashOf(header),
      endorsements.map(({ validator }) => validator),
    )
    this.changes += 1
    this.#log({ kind: 'batch-posted', header, finalAtMs, txHash: this.#txHash() })
  }

  finalise(headers: readonly BatchHeader[]): void {
    for (const header of headers) this.#finalise(header)
  }

  #finalise(header: BatchHeader): void {
    const { number } = header
    const batch = this.#batches[number - 1]
    const inOrder = this.#batches.slice(0, number - 1).every(({ final }) => final)
    if (!batch) throw new Reverted('NotPosted')
    if (batch.final) throw new Reverted('AlreadyFinal')
    if (!inOrder) throw new Reverted('NotNextToFinalise')
    if (this.#faulty > 0 && number >= this.#faulty) throw new Reverted('FaultOpen')
    if ((this.#holds.get(number) ?? 0) > 0) throw new Reverted('InDispute')
    if (this.#head.timestampMs < batch.finalAtMs) throw new Reverted('WindowOpen')
    this.#checkHeader(header)
    batch.final = true
    this.changes += 1
    this.#stakes.lock(header.proposer, -this.#bondWei)
    this.#log({ kind: 'batch-final', number, txHash: this.#txHash() })
  }

  /** As a judge would. */
  fault(number: number, fault: Fault = 'judged'): void {
    if (!this.#batches[number - 1]) throw new Reverted('NotPosted')
    if (this.#batches[number - 1]!.final) throw new Reverted('AlreadyFinal')
    if (this.#faulty > 0 && this.#faulty <= number) throw new Reverted('FaultOpen')
    this.#faulty = number
    this.#found = fault
    this.#log({ kind: 'batch-faulted', number })
  }

  takeBack(header: BatchHeader): void {
    const last = this.#batches.length
    if (this.#faulty === 0 || last < this.#faulty) throw new Reverted('NotFaulty')
    this.#checkHeader({ ...header, number: last })
    this.#batches.pop()
    this.changes += 1
    this.#holds.delete(last)
    const headerHash = hashOf(header)
    this.#void.add(headerHash)
    if (header.charges !== ZERO_HASH) {
      this.#collectedWei -= header.collectedWei
      this.#owed.add(headerHash)
    }
    this.#stakes.lock(header.proposer, -this.#bondWei)
    this.#log({ kind: 'batch-voided', number: last, headerHash })
    if (last !== this.#faulty) return
    this.#faulty = 0
    this.#faults.set(headerHash, this.#found)
    this.#stakes.slash(header.proposer, this.#bondWei, 'proposer')
  }

  giveBack(header: BatchHeader, charges: readonly SignedCharge[]): void {
    const headerHash = hashOf(header)
    if (!this.#owed.delete(headerHash)) throw new Reverted('NothingOwed')
    checkCharges(header, charges)
    this.#log({ kind: 'charges-returned', headerHash })
    for (const charge of charges) this.#escrows.giveBack(charge)
  }

  register(sender: Address, header: BatchHeader, receipt: Receipt, proof: Proof): void {
    if (!this.#batches[header.number - 1]?.final) throw new Reverted('NotFinal')
    this.#checkHeader(header)
    const { receiptsRoot, receiptCount } = header
    if (!merkleVerify(receiptsRoot, receiptCount, receiptLeaf(receipt), proof)) {
      throw new Reverted('BadProof')
    }
    if (receipt.task !== 'fine-tune') throw new Reverted('NotFineTune')
    if (receipt.requester !== sender) throw new Reverted('NotRequester')
    if (this.#models.has(receipt.output)) return
    this.#models.add(receipt.output)
    const { output: adapter, model: base, jobId } = receipt
    this.#log({ kind: 'model-registered', adapter, base, owner: sender, jobId })
  }

  /** Two statements of one author that contradict each other cost it part of its stake, once for each slot. */
  accuse([one, other]: Contradiction): void {
    const slot = slotOf(one.message)
    if (slot === undefined || slot !== slotOf(other.message) || one.digest === other.digest) {
      throw new Reverted('NotContradicting')
    }
    if (!this.#isSigned(one) || !this.#isSigned(other)) throw new Reverted('BadSignature')
    if (this.#punished.has(slot)) throw new Reverted('AlreadyPunished')
    this.#punished.add(slot)
    const { equivocationSlashBps } = this.#governed
    this.#stakes.slashBps(authorOf(one.message), equivocationSlashBps, 'contradicted')
  }

  #isSigned({ message, digest, signature }: Envelope): boolean {
    return (this.#options.recover ?? recoverAddress)(digest, signature) === authorOf(message)
  }

  get #governed(): ParameterValues {
    return this.#options.governed ?? INITIAL_VALUES
  }

  get #bondWei(): bigint {
    return BigInt(this.#governed.batchBondGwei) * 10n ** 9n
  }

  #checkHeader(header: BatchHeader): void {
    const held = this.#batches[header.number - 1]!.header
    if (hashOf(held) !== hashOf(header)) throw new Reverted('WrongHeader')
  }

  /** All that batches have collected covers what they promise. */
  #checkPromise({ charges, collectedWei, payoutRoot }: BatchHeader): void {
    if (charges === ZERO_HASH) return
    if (sumOf(payoutRoot) > this.#collectedWei + collectedWei) throw new Reverted('PayoutOverFees')
  }

  #requireOpen(header: BatchHeader): void {
    const batch = this.#batches[header.number - 1]
    if (!batch) throw new Reverted('NotPosted')
    if (batch.final) throw new Reverted('AlreadyFinal')
    this.#checkHeader(header)
  }

  #hold(number: number, more: number): void {
    const held = (this.#holds.get(number) ?? 0) + more
    if (held < 0) throw new Reverted('Underflow')
    this.#holds.set(number, held)
  }

  #checkEndorsements(header: BatchHeader, endorsements: readonly SignedEndorsement[]): void {
    const hash = hashOf(header)
    const recover = this.#options.recover ?? recoverAddress
    let before = ''
    let signedWei = 0n
    for (const { validator, signature } of endorsements) {
      if (validator <= before) throw new Reverted('EndorsementsNotAscending')
      before = validator
      const stakeWei = this.#stakes.validatorWei(validator)
      const signed = digest(Endorsement, { validator, header: hash }, this.#options.messages)
      if (recover(signed, signature) !== validator) throw new Reverted('BadEndorsement')
      signedWei += stakeWei
    }
    if (3n * signedWei < 2n * this.#stakes.validatorsWei()) throw new Reverted('NoQuorum')
  }

  #txHash(): Hash {
    this.#transactions += 1
    return keccakHash(utf8('transaction'), word(this.#transactions))
  }

  #log(log: Parameters<WriteLog>[0]): void {
    this.#tell({ ...log, blockNumber: this.#head.number } as ChainLog)
  }

  #tell(fact: ChainFact): void {
    this.facts.push(fact)
    this.#options.onFact?.(fact)
  }
}

function feesOf(prices: Prices | undefined): Pick<HeadBlock, 'baseFeeWei' | 'byteFeeWei'> {
  if (!prices || prices.gasWei === 0n) return {}
  const { gasWei, byteWei } = prices
  return { baseFeeWei: gasWei, ...(byteWei > 0n && { byteFeeWei: byteWei }) }
}
