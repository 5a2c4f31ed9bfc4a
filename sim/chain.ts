/**
 * A fake L2 with the rules of our contracts: it refuses what they refuse, and says what their logs say. The same
 * compliance suite (`test/compliance/chain.ts`) runs against it and against the contracts on a real chain.
 */
import type { SignedCharge, SignedEndorsement } from '../coordinator-free/events.ts'
import {
  type BatchHeader,
  chargesHash,
  Endorsement,
  BatchHeader as HeaderStruct,
} from '../protocol/batch.ts'
import type { ChainFact, ChainLog, Role } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import { type Hash, keccakHash, toHex, utf8, word, ZERO_HASH } from '../protocol/hash.ts'
import { merkleVerify, type Proof, sumOf } from '../protocol/merkle.ts'
import {
  EPOCH_SECONDS,
  epochOf,
  INITIAL_VALUES,
  type ParameterValues,
} from '../protocol/parameters.ts'
import { type Receipt, receiptLeaf } from '../protocol/receipt.ts'
import { recoverAddress } from '../protocol/signature.ts'
import { type Domain, digest, hashStruct } from '../protocol/struct.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS, nextStrictness } from '../protocol/threshold.ts'
import { Voucher } from '../protocol/voucher.ts'

export interface FakeChainOptions {
  readonly messages: Domain
  readonly vouchers: Domain
  readonly windowMs: number
  /** What governs it; nothing moves here. */
  readonly governed?: ParameterValues
  readonly recover?: typeof recoverAddress
}

interface Posted {
  readonly header: BatchHeader
  readonly finalAtMs: number
  final: boolean
}

interface Stake {
  readonly owner: Address
  readonly roles: readonly Role[]
  readonly stakeWei: bigint
  readonly lockedWei: bigint
}

/** Thrown where a contract would revert; `message` is the custom error's name. */
export class Reverted extends Error {
  override readonly name = 'Reverted'
}

export class FakeChain {
  readonly facts: ChainFact[] = []
  readonly #options: FakeChainOptions
  readonly #stakes = new Map<Address, Stake>()
  readonly #escrows = new Map<Address, { balance: bigint; redeemed: bigint; authorised: bigint }>()
  readonly #batches: Posted[] = []
  readonly #models = new Set<string>()
  /** Void batches whose charges have not been given back, by the hash of the header. */
  readonly #owed = new Set<Hash>()
  #head = { number: 0, timestampMs: 0 }
  #collectedWei = 0n
  #faulty = 0
  #transactions = 0

  constructor(options: FakeChainOptions) {
    this.#options = options
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

  mine(timestampMs: number): void {
    const number = this.#head.number + 1
    this.#head = { number, timestampMs }
    const hash = keccakHash(utf8('block'), word(number))
    this.facts.push({ kind: 'block', number, hash, timestampMs })
  }

  stake(node: Address, owner: Address, roles: readonly Role[], amountWei: bigint): void {
    const held = this.#stakes.get(node)
    if (held && held.owner !== owner) throw new Reverted('AlreadyStaked')
    const stakeWei = (held?.stakeWei ?? 0n) + amountWei
    this.#stakes.set(node, { owner, roles, stakeWei, lockedWei: held?.lockedWei ?? 0n })
    this.#log({ kind: 'staked', node, owner, roles, stakeWei })
  }

  exit(node: Address): void {
    if (!this.#stakes.delete(node)) throw new Reverted('NotStaked')
    this.#log({ kind: 'exiting', node })
  }

  deposit(payer: Address, amountWei: bigint): void {
    const held = this.#escrows.get(payer) ?? { balance: 0n, redeemed: 0n, authorised: 0n }
    this.#escrows.set(payer, { ...held, balance: held.balance + amountWei })
    this.#logEscrow(payer)
  }

  post(
    header: BatchHeader,
    endorsements: readonly SignedEndorsement[],
    charges: readonly SignedCharge[],
  ): void {
    if (this.#faulty > 0) throw new Reverted('FaultOpen')
    if (header.number <= this.#batches.length) throw new Reverted('AlreadyPosted')
    if (header.number !== this.#batches.length + 1) throw new Reverted('NumberGap')
    this.#checkEpoch(header)
    checkCharges(header, charges)
    this.#checkEndorsements(header, endorsements)
    this.#checkSums(header)
    for (const charge of charges) this.#checkCharge(charge)
    this.#lock(header.proposer, this.#bondWei)
    for (const charge of charges) this.#redeem(charge)
    this.#collectedWei += header.collectedWei
    const finalAtMs = this.#head.timestampMs + this.#options.windowMs
    this.#batches.push({ header, finalAtMs, final: false })
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
    if (this.#head.timestampMs < batch.finalAtMs) throw new Reverted('WindowOpen')
    this.#checkHeader(header)
    batch.final = true
    this.#lock(header.proposer, -this.#bondWei)
    this.#log({ kind: 'batch-final', number, txHash: this.#txHash() })
  }

  /** As a judge would: the batch is false. */
  fault(number: number): void {
    if (!this.#batches[number - 1]) throw new Reverted('NotPosted')
    if (this.#batches[number - 1]!.final) throw new Reverted('AlreadyFinal')
    if (this.#faulty > 0 && this.#faulty <= number) throw new Reverted('FaultOpen')
    this.#faulty = number
    this.#log({ kind: 'batch-faulted', number })
  }

  takeBack(header: BatchHeader): void {
    const last = this.#batches.length
    if (this.#faulty === 0 || last < this.#faulty) throw new Reverted('NotFaulty')
    this.#checkHeader({ ...header, number: last })
    this.#batches.pop()
    const headerHash = hashOf(header)
    if (header.charges !== ZERO_HASH) {
      this.#collectedWei -= header.collectedWei
      this.#owed.add(headerHash)
    }
    this.#lock(header.proposer, -this.#bondWei)
    this.#log({ kind: 'batch-voided', number: last, headerHash })
    if (last !== this.#faulty) return
    this.#faulty = 0
    this.#slash(header.proposer, this.#bondWei)
  }

  giveBack(header: BatchHeader, charges: readonly SignedCharge[]): void {
    const headerHash = hashOf(header)
    if (!this.#owed.delete(headerHash)) throw new Reverted('NothingOwed')
    checkCharges(header, charges)
    this.#log({ kind: 'charges-returned', headerHash })
    for (const { payer, feeWei } of charges) {
      const held = this.#escrows.get(payer as Address)!
      held.balance += feeWei
      held.redeemed -= feeWei
      this.#logEscrow(payer as Address)
    }
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

  #checkEpoch(header: BatchHeader): void {
    const before = this.#batches.at(-1)?.header
    const now = epochOf(this.#head.timestampMs, EPOCH_SECONDS)
    const { epoch } = header
    if (epoch < (before?.epoch ?? 0) || epoch > now || epoch + MAX_AGE_EPOCHS < now) {
      throw new Reverted('WrongEpoch')
    }
    const { strictness, payees, answers } = before ?? START
    const moves = before !== undefined && epoch > before.epoch
    const expected = moves
      ? nextStrictness(strictness, payees, answers, this.#governed)
      : strictness
    const shrank = epoch === before?.epoch && (header.answers < answers || header.payees < payees)
    if (header.strictness !== expected || shrank) throw new Reverted('WrongStrictness')
  }

  #checkSums(header: BatchHeader): void {
    const dueWei = (this.#batches.at(-1)?.header.openWei ?? 0n) + header.feeWei
    const openWei = header.charges === ZERO_HASH ? dueWei : 0n
    if (header.openWei !== openWei) throw new Reverted('WrongOpenFees')
    if (header.collectedWei !== dueWei - openWei) throw new Reverted('WrongFee')
    const collectedWei = this.#collectedWei + header.collectedWei
    if (header.charges !== ZERO_HASH && sumOf(header.payoutRoot) > collectedWei) {
      throw new Reverted('PayoutOverFees')
    }
  }

  /** Locks part of a stake, or lets it go where the amount is negative. */
  #lock(node: Address, amountWei: bigint): void {
    const stake = this.#stakes.get(node)
    if (amountWei < 0n && !stake) return
    if (!stake) throw new Reverted('NotActive')
    const lockedWei = stake.lockedWei + amountWei
    if (lockedWei > stake.stakeWei) throw new Reverted('LockOverStake')
    this.#stakes.set(node, { ...stake, lockedWei: lockedWei < 0n ? 0n : lockedWei })
  }

  #slash(node: Address, amountWei: bigint): void {
    const stake = this.#stakes.get(node)
    if (!stake) return
    const { owner, roles } = stake
    const stakeWei = stake.stakeWei > amountWei ? stake.stakeWei - amountWei : 0n
    this.#stakes.set(node, { ...stake, stakeWei })
    this.#log({ kind: 'staked', node, owner, roles, stakeWei })
  }

  #checkEndorsements(header: BatchHeader, endorsements: readonly SignedEndorsement[]): void {
    const hash = hashOf(header)
    const recover = this.#options.recover ?? recoverAddress
    let before = ''
    let signedWei = 0n
    for (const { validator, signature } of endorsements) {
      if (validator <= before) throw new Reverted('EndorsementsNotAscending')
      before = validator
      const stake = this.#stakes.get(validator)
      if (!stake?.roles.includes('validator')) throw new Reverted('NotActiveValidator')
      const signed = digest(Endorsement, { validator, header: hash }, this.#options.messages)
      if (recover(signed, signature) !== validator) throw new Reverted('BadEndorsement')
      signedWei += stake.stakeWei
    }
    if (3n * signedWei < 2n * this.#validatorStakeWei()) throw new Reverted('NoQuorum')
  }

  #checkCharge({ payer, feeWei, cumulativeWei, signature }: SignedCharge): void {
    const account = payer as Address
    const held = this.#escrows.get(account)
    if (!held || held.balance < feeWei) throw new Reverted('OverBalance')
    const isNewer = cumulativeWei > held.authorised
    if (isNewer) {
      const signed = digest(Voucher, { payer: account, cumulativeWei }, this.#options.vouchers)
      const recover = this.#options.recover ?? recoverAddress
      if (recover(signed, signature) !== payer) throw new Reverted('BadVoucher')
    }
    const authorised = isNewer ? cumulativeWei : held.authorised
    if (held.redeemed + feeWei > authorised) throw new Reverted('OverVoucher')
  }

  #redeem({ payer, feeWei, cumulativeWei }: SignedCharge): void {
    const held = this.#escrows.get(payer as Address)!
    if (cumulativeWei > held.authorised) held.authorised = cumulativeWei
    held.balance -= feeWei
    held.redeemed += feeWei
    this.#log({
      kind: 'redeemed',
      payer: payer as Address,
      redeemedWei: held.redeemed,
      authorisedWei: held.authorised,
    })
  }

  #logEscrow(payer: Address): void {
    const { balance, redeemed, authorised } = this.#escrows.get(payer)!
    const amounts = {
      balanceWei: balance,
      leavingWei: 0n,
      redeemedWei: redeemed,
      authorisedWei: authorised,
    }
    this.#log({ kind: 'escrowed', payer, ...amounts })
  }

  #validatorStakeWei(): bigint {
    return [...this.#stakes.values()]
      .filter(({ roles }) => roles.includes('validator'))
      .reduce((sum, { stakeWei }) => sum + stakeWei, 0n)
  }

  #txHash(): Hash {
    this.#transactions += 1
    return keccakHash(utf8('transaction'), word(this.#transactions))
  }

  #log(log: WithoutBlock<ChainLog>): void {
    this.facts.push({ ...log, blockNumber: this.#head.number } as ChainLog)
  }
}

/** How many epochs older than the present one a batch may be. */
const MAX_AGE_EPOCHS = 2
/** What the first batch follows on. */
const START = { strictness: INITIAL_STRICTNESS_THOUSANDTHS, payees: 0, answers: 0 }

function hashOf(header: BatchHeader): Hash {
  return toHex(hashStruct(HeaderStruct, header)) as Hash
}

/** The charges are those of the header: same hash, ascending, and together what it collects. */
function checkCharges(header: BatchHeader, charges: readonly SignedCharge[]): void {
  if (header.charges === ZERO_HASH && charges.length === 0) return
  if (chargesHash(charges) !== header.charges) throw new Reverted('WrongCharges')
  const total = charges.reduce((sum, { feeWei }) => sum + feeWei, 0n)
  if (total !== header.collectedWei) throw new Reverted('WrongFee')
  let before = ''
  for (const { payer } of charges) {
    if (payer <= before) throw new Reverted('ChargesNotAscending')
    before = payer
  }
}

type WithoutBlock<T> = T extends unknown ? Omit<T, 'blockNumber'> : never
