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
import { type Hash, keccakHash, toHex, utf8, word } from '../protocol/hash.ts'
import { merkleVerify, type Proof } from '../protocol/merkle.ts'
import { type Receipt, receiptLeaf } from '../protocol/receipt.ts'
import { recoverAddress } from '../protocol/signature.ts'
import { type Domain, digest, hashStruct } from '../protocol/struct.ts'
import { Voucher } from '../protocol/voucher.ts'

export interface FakeChainOptions {
  readonly messages: Domain
  readonly vouchers: Domain
  readonly windowMs: number
  readonly recover?: typeof recoverAddress
}

interface Posted {
  readonly header: BatchHeader
  readonly finalAtMs: number
  final: boolean
}

/** Thrown where a contract would revert; `message` is the custom error's name. */
export class Reverted extends Error {
  override readonly name = 'Reverted'
}

export class FakeChain {
  readonly facts: ChainFact[] = []
  readonly #options: FakeChainOptions
  readonly #stakes = new Map<
    Address,
    { owner: Address; roles: readonly Role[]; stakeWei: bigint }
  >()
  readonly #escrows = new Map<Address, { balance: bigint; redeemed: bigint; authorised: bigint }>()
  readonly #batches: Posted[] = []
  readonly #models = new Set<string>()
  #head = { number: 0, timestampMs: 0 }
  #feesWei = 0n
  #transactions = 0

  constructor(options: FakeChainOptions) {
    this.#options = options
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
    this.#stakes.set(node, { owner, roles, stakeWei })
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
    poster: Address,
    header: BatchHeader,
    endorsements: readonly SignedEndorsement[],
    charges: readonly SignedCharge[],
  ): void {
    if (header.number <= this.#batches.length) throw new Reverted('AlreadyPosted')
    if (header.number !== this.#batches.length + 1) throw new Reverted('NumberGap')
    this.#checkEndorsements(header, endorsements)
    const total = charges.reduce((sum, { feeWei }) => sum + feeWei, 0n)
    if (chargesHash(charges) !== header.charges) throw new Reverted('WrongCharges')
    if (total !== header.feeWei) throw new Reverted('WrongFee')
    if (header.payoutWei < (this.#batches.at(-1)?.header.payoutWei ?? 0n)) {
      throw new Reverted('PayoutShrank')
    }
    if (header.payoutWei > this.#feesWei + total) throw new Reverted('PayoutOverFees')
    for (const charge of charges) this.#checkCharge(charge)
    for (const charge of charges) this.#redeem(charge)
    this.#feesWei += total
    const finalAtMs = this.#head.timestampMs + this.#options.windowMs
    this.#batches.push({ header, finalAtMs, final: false })
    this.#log({ kind: 'batch-posted', header, poster, finalAtMs, txHash: this.#txHash() })
  }

  finalise(number: number): void {
    const batch = this.#batches[number - 1]
    const inOrder = this.#batches.slice(0, number - 1).every(({ final }) => final)
    if (!batch) throw new Reverted('NotPosted')
    if (batch.final) throw new Reverted('AlreadyFinal')
    if (!inOrder) throw new Reverted('NotNextToFinalise')
    if (this.#head.timestampMs < batch.finalAtMs) throw new Reverted('WindowOpen')
    batch.final = true
    this.#log({ kind: 'batch-final', number, txHash: this.#txHash() })
  }

  register(sender: Address, number: number, receipt: Receipt, proof: Proof): void {
    const batch = this.#batches[number - 1]
    if (!batch?.final) throw new Reverted('NotFinal')
    const { receiptsRoot, receiptCount } = batch.header
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

  #checkEndorsements(header: BatchHeader, endorsements: readonly SignedEndorsement[]): void {
    const hash = toHex(hashStruct(HeaderStruct, header)) as Hash
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
    this.#logEscrow(payer as Address)
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

type WithoutBlock<T> = T extends unknown ? Omit<T, 'blockNumber'> : never
