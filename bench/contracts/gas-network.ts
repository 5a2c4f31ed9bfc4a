/** A network's worth of accounts on an embedded chain: 21 validators, 100 payers, and batches that they stand for. */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { privateKeyToAccount } from 'viem/accounts'
import {
  type BatchHeader,
  type Charge,
  chargesHash,
  Endorsement,
  BatchHeader as HeaderStruct,
} from '../../protocol/batch.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { fromHex, type Hash, keccakHash, toHex, utf8, ZERO_HASH } from '../../protocol/hash.ts'
import { merkleRoot, type Payout, sumRoot } from '../../protocol/merkle.ts'
import { epochOf } from '../../protocol/parameters.ts'
import { type Receipt, receiptLeaf } from '../../protocol/receipt.ts'
import { addressOf, publicKeyOf, sign } from '../../protocol/signature.ts'
import { digest, hashStruct } from '../../protocol/struct.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { type Anvil, startAnvil } from '../../worker/chain/anvil.ts'
import { type SignedCharge, takeBackCall } from '../../worker/chain/calls.ts'
import { type ChainClient, connectChain } from '../../worker/chain/client.ts'
import { signConsent } from '../../worker/chain/consent.ts'
import { deployEmbedded, fundEmbedded } from '../../worker/chain/deploy.ts'
import { type Deployment, domainOf } from '../../worker/chain/deployment.ts'
import { LIVE_GOVERNANCE } from '../../worker/chain/terms.ts'
import { sleep } from '../../worker/chain/wait.ts'

const CHAIN_ID = 31_337
const BASE = fileURLToPath(new URL('../../.tributary/bench', import.meta.url))
const OPEN = 10n ** 18n
const VALIDATORS = 21
/** Two thirds of them. */
export const QUORUM = 14
export const PAYERS = 100
/** Receipts in a batch. */
export const RECEIPTS = 4096
const WINDOW_SECONDS = 2
const FEE_WEI = OPEN / 1000n

/** Somebody with a key, always the same for a name. */
interface Person {
  readonly key: Uint8Array
  readonly account: Address
}

export function person(name: string): Person {
  const key = fromHex(keccakHash(utf8(name)))
  return { key, account: addressOf(publicKeyOf(key)) }
}

export class GasNetwork {
  readonly deployment: Deployment
  readonly validators: readonly Person[]
  readonly payers: readonly Person[]
  readonly #anvil: Anvil
  readonly #folder: string
  readonly #clients = new Map<Address, ChainClient>()
  /** What each payer has promised so far. */
  #promisedWei = 0n
  #last: BatchHeader | undefined
  #beforeLast: BatchHeader | undefined

  private constructor(anvil: Anvil, folder: string, deployment: Deployment) {
    this.#anvil = anvil
    this.#folder = folder
    this.deployment = deployment
    const people = (role: string, count: number): Person[] =>
      Array.from({ length: count }, (_, index) => person(`${role} ${index}`)).sort((a, b) =>
        a.account < b.account ? -1 : 1,
      )
    this.validators = people('validator', VALIDATORS)
    this.payers = people('payer', PAYERS)
  }

  get rpcUrl(): string {
    return this.#anvil.url
  }

  static async start(say: (line: string) => void): Promise<GasNetwork> {
    const folder = path.join(BASE, `gas-${process.pid}`)
    const anvil = await startAnvil({ dataFolder: path.join(folder, 'chain'), chainId: CHAIN_ID })
    const deployment = await deployEmbedded({
      url: anvil.url,
      windowSeconds: WINDOW_SECONDS,
      exitDelaySeconds: 3600,
      minimumStakeWei: OPEN,
      // Long epochs: the first batch of one moves the threshold, which is another figure.
      governance: LIVE_GOVERNANCE,
      treasury: person('treasury').account,
    })
    const network = new GasNetwork(anvil, folder, deployment)
    say(`${VALIDATORS} validators and ${PAYERS} payers …`)
    await network.#populate()
    return network
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    await this.#anvil.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** A client for somebody, who is given 1,000 OPEN. */
  async clientOf({ key, account }: Person): Promise<ChainClient> {
    const held = this.#clients.get(account)
    if (held) return held
    const { url } = this.#anvil
    await fundEmbedded(url, account, 1000n * OPEN)
    const { deployment } = this
    const options = { url, deployment, privateKey: key, dataFolder: this.#folder }
    const client = await connectChain(options)
    this.#clients.set(account, client)
    return client
  }

  /** The next batch: open, or collecting from all payers what is open. */
  batch(receipts: readonly Uint8Array[], payouts: readonly Payout[], collects: boolean): Draft {
    const openWei = (this.#last?.openWei ?? 0n) + BigInt(PAYERS) * FEE_WEI
    this.#promisedWei += FEE_WEI
    const each = openWei / BigInt(PAYERS)
    const charges = collects ? this.payers.map((payer) => this.#charge(payer, each)) : []
    const header: BatchHeader = {
      number: (this.#last?.number ?? 0) + 1,
      epoch: epochOf(Date.now() - 1000, this.deployment.epochSeconds),
      proposer: this.validators.at(-1)!.account,
      receiptsRoot: merkleRoot(receipts),
      receiptCount: receipts.length,
      feeWei: BigInt(PAYERS) * FEE_WEI,
      charges: collects ? chargesHash(charges) : ZERO_HASH,
      collectedWei: collects ? openWei : 0n,
      openWei: collects ? 0n : openWei,
      payoutRoot: sumRoot(payouts),
      strictness: INITIAL_STRICTNESS_THOUSANDTHS,
      answers: 0,
      payees: 0,
      data: contentId('data'),
      availability: '',
    }
    this.#beforeLast = this.#last
    this.#last = header
    return { header, charges }
  }

  /** Takes back a batch that was found false. */
  async takeBack({ header }: Draft): Promise<void> {
    const poster = await this.clientOf(this.validators.at(-1)!)
    await poster.write(takeBackCall(header, this.#beforeLast))
    this.#last = this.#beforeLast
  }

  /** Posts a batch with so many validators' signatures; the gas it took. */
  async post({ header, charges }: Draft, signers: number): Promise<bigint> {
    const poster = await this.clientOf(this.validators.at(-1)!)
    const headerHash = toHex(hashStruct(HeaderStruct, header)) as Hash
    const domain = domainOf(this.deployment, 'resultLedger')
    const endorsements = this.validators.slice(0, signers).map(({ key, account }) => {
      const signed = digest(Endorsement, { validator: account, header: headerHash }, domain)
      return { validator: account, signature: sign(signed, key) }
    })
    const { gasUsed } = await poster.postBatch({ header, endorsements, charges })
    return gasUsed
  }

  async finalise(...drafts: Draft[]): Promise<bigint> {
    await sleep(1000 * WINDOW_SECONDS + 1100)
    const poster = await this.clientOf(this.validators.at(-1)!)
    return (await poster.finaliseBatches(drafts.map(({ header }) => header))).gasUsed
  }

  #charge({ key, account }: Person, feeWei: bigint): SignedCharge & Charge {
    const voucher = { payer: account, cumulativeWei: this.#promisedWei }
    const signature = sign(digest(Voucher, voucher, domainOf(this.deployment, 'feeEscrow')), key)
    return { payer: account, feeWei, cumulativeWei: this.#promisedWei, signature }
  }

  async #populate(): Promise<void> {
    for (const node of this.validators) {
      const client = await this.clientOf(node)
      const roles = ['validator'] as const
      const owner = node.account
      const consent = signConsent(this.deployment, node.key, { owner, roles, nonce: 0 })
      await client.stake({ node: node.account, roles, stakeWei: 100n * OPEN, consent })
    }
    const [payer] = this.validators
    const client = await this.clientOf(payer!)
    for (const { account } of this.payers) await client.deposit(account, OPEN)
  }
}

export interface Draft {
  readonly header: BatchHeader
  readonly charges: readonly SignedCharge[]
}

/** A batch's leaves: these receipts, and others that nobody looks at. */
export function leavesOf(receipts: readonly Receipt[], count = RECEIPTS): Uint8Array[] {
  const others = Array.from({ length: count - receipts.length }, (_, index) =>
    fromHex(keccakHash(utf8(`receipt ${index}`))),
  )
  return [...receipts.map(receiptLeaf), ...others]
}

/** A receipt as a busy network would have it: three validators, all fields filled. */
export function receiptFor(
  task: Receipt['task'],
  requester: Address,
  attribution: Hash,
  adapter: Cid | '',
): Receipt {
  return {
    jobId: keccakHash(utf8(`${task} job`)),
    task,
    requester,
    worker: person('worker').account,
    claim: keccakHash(utf8(`${task} claim`)),
    passedBy: [1, 2, 3].map((n) => person(`validator ${n}`).account).sort(),
    failedBy: [],
    model: contentId('model'),
    adapter,
    output: contentId(`${task} output`),
    attribution,
    units: 200,
    feeWei: FEE_WEI,
    workerWei: FEE_WEI / 2n,
    validatorsWei: FEE_WEI / 10n,
    modelOwnerWei: FEE_WEI / 10n,
    contributorsWei: FEE_WEI / 5n,
    stakersWei: FEE_WEI / 20n,
    treasuryWei: FEE_WEI / 20n,
  }
}

/** Not a content id that any content has, but one in form. */
export function contentId(name: string): Cid {
  const digits = 'abcdefghijklmnopqrstuvwxyz234567'
  const letters = [...keccakHash(utf8(name)).slice(2)].map(
    (hex) => digits[Number.parseInt(hex, 16)],
  )
  return `bafyrei${letters.join('').slice(0, 52)}` as Cid
}

/** An account that never had money before. */
export function stranger(index: number): Address {
  return privateKeyToAccount(keccakHash(utf8(`stranger ${index}`))).address.toLowerCase() as Address
}
