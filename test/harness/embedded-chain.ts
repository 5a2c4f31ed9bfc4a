/** A real embedded chain for tests, with our contracts on it and people who have keys and money. */
import { readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import {
  type BatchHeader,
  chargesHash,
  Endorsement,
  BatchHeader as HeaderStruct,
} from '../../protocol/batch.ts'
import type { Role } from '../../protocol/chain.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, toHex, utf8, ZERO_HASH } from '../../protocol/hash.ts'
import { merkleRoot, type Payout, sumRoot } from '../../protocol/merkle.ts'
import { epochOf, INITIAL_VALUES } from '../../protocol/parameters.ts'
import { type Receipt, receiptLeaf } from '../../protocol/receipt.ts'
import { addressOf, publicKeyOf, sign } from '../../protocol/signature.ts'
import { digest, hashStruct } from '../../protocol/struct.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { type Anvil, startAnvil } from '../../worker/chain/anvil.ts'
import type { SignedBatch, SignedCharge } from '../../worker/chain/calls.ts'
import { type ChainClient, connectChain } from '../../worker/chain/client.ts'
import { signConsent } from '../../worker/chain/consent.ts'
import { deploy, fundEmbedded } from '../../worker/chain/deploy.ts'
import { type Deployment, domainOf } from '../../worker/chain/deployment.ts'
import { smallQuantity } from '../../worker/chain/quantities.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { testFolder } from './folders.ts'

export const CHAIN_ID = 31_337
const OPEN = 10n ** 18n
/** Blocks count whole seconds, so a window of one may be over in no time. */
export const WINDOW_SECONDS = 2

/** Somebody with a key, always the same for a name. */
export interface Person {
  readonly key: Uint8Array
  readonly account: Address
}

export function person(name: string): Person {
  const key = Uint8Array.from(Buffer.from(keccakHash(utf8(name)).slice(2), 'hex'))
  return { key, account: addressOf(publicKeyOf(key)) }
}

/** What the contracts of these tests are born with. */
export const TERMS = {
  windowSeconds: WINDOW_SECONDS,
  exitDelaySeconds: 7,
  minimumStakeWei: OPEN,
  governance: {
    epochSeconds: 100,
    votingDelaySeconds: 20,
    votingPeriodSeconds: 600,
    timelockSeconds: 60,
    thresholdWei: 10n * OPEN,
    quorumPercent: 25,
    leastQuorumWei: 0n,
  },
  treasury: person('treasury').account,
  // Nobody leaves before the last word in a dispute: short ones, or the tests would wait for it.
  parameters: { answerSeconds: 1, commitSeconds: 2, revealSeconds: 2 },
}

/** Anvil in a folder of its own, contracts deployed, and everything that must be stopped again. */
export class EmbeddedChain {
  readonly folder: string
  anvil!: Anvil
  deployment!: Deployment
  readonly #clients: ChainClient[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  static async start(terms: Partial<typeof TERMS> = {}): Promise<EmbeddedChain> {
    const chain = new EmbeddedChain(testFolder('chain'))
    try {
      await chain.restart()
      const deployer = person('deployer')
      await fundEmbedded(chain.anvil.url, deployer.account, OPEN)
      chain.deployment = await deploy({ url: chain.anvil.url, ...TERMS, ...terms }, deployer.key)
      return chain
    } catch (error) {
      await chain.stop()
      throw error
    }
  }

  get chainFolder(): string {
    return path.join(this.folder, 'chain')
  }

  /** Starts anvil on the folder's state; on the same port as before, so that clients find it. */
  async restart(): Promise<void> {
    this.anvil = await startAnvil({
      dataFolder: this.chainFolder,
      chainId: CHAIN_ID,
      port: this.anvil?.port ?? 0,
      stateIntervalSeconds: 1,
    })
  }

  /** Waits until the state file was written after all that has happened so far. */
  async stateWritten(): Promise<void> {
    const file = path.join(this.chainFolder, 'state.json')
    const sinceMs = Date.now()
    // Twice: the first of the two may have been begun before.
    for (let written = 0, lastMs = sinceMs; written < 2; await sleep(20)) {
      const { mtimeMs } = await stat(file)
      if (mtimeMs <= lastMs) continue
      lastMs = mtimeMs
      written++
    }
  }

  /** Puts the chain's clock forward. */
  async passTime(seconds: number): Promise<void> {
    await this.#ask(z.unknown(), 'evm_increaseTime', [seconds])
    await this.#ask(z.unknown(), 'evm_mine')
  }

  /** From now on no transaction has a block at once: it waits for the next second's, as on a live L2. */
  async mineEachSecond(): Promise<void> {
    await this.#ask(z.unknown(), 'evm_setIntervalMining', [1])
  }

  /** Puts a word where a contract keeps it. */
  async setStorage(contract: Address, place: `0x${string}`, word: bigint): Promise<void> {
    const value = `0x${word.toString(16).padStart(64, '0')}`
    await this.#ask(z.unknown(), 'anvil_setStorageAt', [contract, place, value])
  }

  /** The newest block's number. */
  async head(): Promise<number> {
    return await this.#ask(smallQuantity, 'eth_blockNumber')
  }

  /** A client for somebody, who is given 100 OPEN. */
  async clientOf({ key, account }: Person): Promise<ChainClient> {
    await fundEmbedded(this.anvil.url, account, 100n * OPEN)
    const { url } = this.anvil
    const options = { url, deployment: this.deployment, privateKey: key, dataFolder: this.folder }
    const client = await connectChain(options)
    this.#clients.push(client)
    return client
  }

  /** Stakes for a node that is its own owner. */
  async stake(node: Person, roles: readonly Role[], stakeWei: bigint): Promise<void> {
    const client = await this.clientOf(node)
    const { nonce } = await client.member(node.account)
    const consent = signConsent(this.deployment, node.key, { owner: node.account, roles, nonce })
    await client.stake({ node: node.account, roles, stakeWei, consent })
  }

  /** The epoch of this moment, by the wall clock on which the chain runs too. */
  get epoch(): number {
    // A second back: the newest block may be of the second before.
    return epochOf(Date.now() - 1000, this.deployment.epochSeconds)
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.anvil?.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #ask<S extends z.ZodType>(
    schema: S,
    method: string,
    params: readonly unknown[] = [],
  ): Promise<z.infer<S>> {
    using rpc = new Rpc(this.anvil.url)
    return await rpc.request(schema, method, params)
  }
}

export interface Draft {
  readonly number: number
  readonly epoch: number
  readonly receipts: readonly Receipt[]
  readonly payouts: readonly Payout[]
  readonly payers: readonly { person: Person; feeWei: bigint; cumulativeWei: bigint }[]
}

function headerFor(
  { number, epoch, receipts, payouts, payers }: Draft,
  proposer: Address,
): BatchHeader {
  const charges = payers.map(({ person: { account }, feeWei }) => ({ payer: account, feeWei }))
  const feeWei = payers.reduce((sum, payer) => sum + payer.feeWei, 0n)
  return {
    number,
    epoch,
    proposer,
    receiptsRoot: merkleRoot(receipts.map(receiptLeaf)),
    receiptCount: receipts.length,
    feeWei,
    charges: chargesHash(ascending(charges, ({ payer }) => payer)),
    collectedWei: feeWei,
    openWei: 0n,
    payoutRoot: sumRoot(payouts),
    strictness: INITIAL_STRICTNESS_THOUSANDTHS,
    answers: 0,
    payees: 0,
    data: 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi' as Cid,
    availability: '',
  }
}

/** A batch with everyone's signatures, as the core would hand it over. */
export function signBatch(
  deployment: Deployment,
  draft: Draft,
  validators: readonly Person[],
): SignedBatch {
  // The first of them stands for it.
  const header = headerFor(draft, validators[0]!.account)
  const charges = draft.payers.map(({ person: { key, account }, feeWei, cumulativeWei }) =>
    signCharge(deployment, key, { payer: account, feeWei, cumulativeWei }),
  )
  return signHeader(deployment, header, charges, validators)
}

/** The same for a header and charges that were made elsewhere. */
export function signHeader(
  deployment: Deployment,
  header: BatchHeader,
  charges: readonly SignedCharge[],
  validators: readonly Person[],
): SignedBatch {
  const headerHash = toHex(hashStruct(HeaderStruct, header)) as Hash
  const endorsements = validators.map(({ key, account }) => {
    const endorsement = { validator: account, header: headerHash }
    const signed = digest(Endorsement, endorsement, domainOf(deployment, 'resultLedger'))
    return { validator: account, signature: sign(signed, key) }
  })
  return {
    header,
    endorsements: ascending(endorsements, ({ validator }) => validator),
    charges: ascending(charges, ({ payer }) => payer),
  }
}

export function signCharge(
  deployment: Deployment,
  key: Uint8Array,
  charge: { payer: Address; feeWei: bigint; cumulativeWei: bigint },
): SignedCharge {
  const { payer, cumulativeWei } = charge
  const signed = digest(Voucher, { payer, cumulativeWei }, domainOf(deployment, 'feeEscrow'))
  return { ...charge, signature: sign(signed, key) }
}

/** A receipt of a fine-tuning that cost `feeWei`. */
export function fineTuneReceipt(name: string, requester: Address, feeWei: bigint): Receipt {
  const letters = keccakHash(utf8(name))
    .slice(2)
    .replaceAll(/[0189]/g, 'q')
  return {
    jobId: keccakHash(utf8(name)),
    task: 'fine-tune',
    requester,
    worker: person('worker').account,
    claim: keccakHash(utf8(`${name} claim`)),
    passedBy: [person('validator 1').account],
    failedBy: [],
    model: 'bafkreibaseaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' as Cid,
    adapter: '',
    output: `bafkrei${letters.slice(0, 52)}` as Cid,
    attribution: ZERO_HASH,
    units: 10,
    feeWei,
    ...splitFee(feeWei, splitOf('fine-tune', INITIAL_VALUES)),
  }
}

function ascending<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** Process id of the chain itself, as its supervisor has noted it. */
export async function chainPid({ chainFolder }: { readonly chainFolder: string }): Promise<number> {
  return JSON.parse(await readFile(path.join(chainFolder, 'pids.json'), 'utf8')).chain
}
