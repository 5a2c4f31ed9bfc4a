/** What a node does on the L2: one method for each of our contracts' calls, all writes through the outbox. */
import path from 'node:path'
import { decodeEventLog, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import { stakeVaultAbi } from '../../contracts/gen/StakeVault.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import { ROLE_BITS, ROLES, type Role } from '../../protocol/chain.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import * as calls from './calls.ts'
import type { Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { Outbox } from './outbox.ts'
import { fileStore } from './outbox-file.ts'
import { hexBytes, type Receipt as Mined, quantity, smallQuantity } from './quantities.ts'
import { read } from './reader.ts'
import { Rpc, type RpcAddress } from './rpc.ts'

export interface ChainClientOptions {
  /** WebSocket or HTTP address of the chain's RPC, or several, the preferred first. */
  readonly url: RpcAddress
  readonly deployment: Deployment
  /** 32 bytes; signs and pays for everything that this client writes. */
  readonly privateKey: Uint8Array
  /** Where the outbox file lies, one for each account. */
  readonly dataFolder: string
  /** How long one write may take, waits for a lost connection included, in ms. */
  readonly patienceMs?: number
  /** A write was asked for that was under way already: its newest transaction. */
  readonly onResumed?: (txHash: Hash) => void
}

/** A write that is in a block. */
export interface Written {
  readonly txHash: Hash
  readonly blockNumber: number
  readonly gasUsed: bigint
  readonly logs: Mined['logs']
}

/** What the vault knows of a node. */
export interface MemberState {
  /** The zero address where nobody staked for it. */
  readonly owner: Address
  readonly roles: readonly Role[]
  readonly stakeWei: bigint
  /** When the stake may be withdrawn; 0 where no exit was requested. */
  readonly exitAtMs: number
  /** For the node's next consent. */
  readonly nonce: number
}

/**
 * Connects, and checks that this is the deployment's chain. Throws `ChainError`: `unreachable`, `timeout`,
 * `wrong-chain` or `aborted`.
 */
export async function connectChain(
  options: ChainClientOptions,
  signal?: AbortSignal,
): Promise<ChainClient> {
  const rpc = new Rpc(options.url, { chainId: options.deployment.chainId })
  try {
    await checkDeployment(rpc, options.deployment, signal)
    return new ChainClient(rpc, options)
  } catch (error) {
    rpc.close()
    throw error
  }
}

/**
 * One signer on one chain. Writes go out one after the other and resolve when mined; they throw `ChainError`, `reverted`
 * where a contract refused. After `timeout`, `unreachable` or `aborted` a write may still be mined: the outbox keeps it
 * and sees to it before the next one.
 */
export class ChainClient {
  /** The account that signs and pays. */
  readonly account: Address
  readonly deployment: Deployment
  readonly #rpc: Rpc
  readonly #outbox: Outbox
  #lastWritten: Written | undefined
  #isSending = false

  constructor(rpc: Rpc, options: ChainClientOptions) {
    const { deployment, privateKey, dataFolder, patienceMs, onResumed } = options
    const account = privateKeyToAccount(toHex(privateKey))
    this.account = account.address.toLowerCase() as Address
    this.deployment = deployment
    this.#rpc = rpc
    this.#outbox = new Outbox({
      rpc,
      chainId: deployment.chainId,
      account,
      store: fileStore(path.join(dataFolder, `outbox-${this.account}.log`)),
      ...(patienceMs === undefined ? {} : { patienceMs }),
      ...(onResumed && { onResumed: ({ attempts }) => onResumed(attempts.at(-1)!.hash) }),
    })
  }

  /** True while a write is under way, and after one that has failed. */
  get isSending(): boolean {
    return this.#isSending
  }

  /** What was written last, if anything was. */
  get lastWritten(): Written | undefined {
    return this.#lastWritten
  }

  /** Closes the connection; what is under way fails. */
  close(): void {
    this.#rpc.close()
    this.#outbox.close()
  }

  /** Finishes a write that was begun, and sends again those that the chain has forgotten. */
  async restore(signal?: AbortSignal): Promise<void> {
    await this.#outbox.restore(signal)
  }

  /** Stakes for a node, which this account then owns. */
  async stake(terms: calls.StakeTerms, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.stakeCall(terms), signal)
  }

  async topUpStake(node: Address, amountWei: bigint, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.topUpCall(node, amountWei), signal)
  }

  /** Takes a node out of service; `withdrawStake` may follow after the exit delay. */
  async requestExit(node: Address, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.requestExitCall(node), signal)
  }

  async withdrawStake(node: Address, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.withdrawStakeCall(node), signal)
  }

  /** Puts money aside for a payer's jobs. */
  async deposit(payer: Address, amountWei: bigint, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.depositCall(payer, amountWei), signal)
  }

  /** Asks for part of this account's escrow back, in place of an earlier request; 0 takes the request back. */
  async requestEscrowExit(amountWei: bigint, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.requestEscrowExitCall(amountWei), signal)
  }

  async withdrawEscrow(signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.withdrawEscrowCall(), signal)
  }

  async createDatanet(
    datanet: calls.NewDatanet,
    signal?: AbortSignal,
  ): Promise<Written & { readonly datanetId: number }> {
    const mined = await this.#send(calls.createDatanetCall(datanet), signal)
    const { datanetId } = this.#datanetEvent(mined, 'DatanetCreated')
    return { ...writtenOf(mined), datanetId: Number(datanetId) }
  }

  /** Adds a version to a datanet of this account's. */
  async publishDatanet(
    version: calls.NewVersion,
    signal?: AbortSignal,
  ): Promise<Written & { readonly version: number }> {
    const mined = await this.#send(calls.publishDatanetCall(version), signal)
    const event = this.#datanetEvent(mined, 'VersionPublished')
    return { ...writtenOf(mined), version: Number(event.version) }
  }

  /** Registers the adapter that a fine-tuning ordered by this account made. Doing it again changes nothing. */
  async registerModel(registration: calls.Registration, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.registerModelCall(registration), signal)
  }

  async postBatch(batch: calls.SignedBatch, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.postBatchCall(batch), signal)
  }

  /** Makes the next batches final, in their order. */
  async finaliseBatches(headers: readonly BatchHeader[], signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.finaliseBatchesCall(headers), signal)
  }

  /** Has an account paid what it has earned and not claimed; whoever sends this, the money goes to the account. */
  async claimPayout(claim: calls.PayoutClaim, signal?: AbortSignal): Promise<Written> {
    return await this.write(calls.claimPayoutCall(claim), signal)
  }

  balanceWei(account: Address, signal?: AbortSignal): Promise<bigint> {
    return this.#rpc.request(quantity, 'eth_getBalance', [account, 'latest'], signal)
  }

  async member(node: Address, signal?: AbortSignal): Promise<MemberState> {
    const contract = { address: this.deployment.addresses.stakeVault, abi: stakeVaultAbi } as const
    const known = await this.read(
      (client) => client.readContract({ ...contract, functionName: 'member', args: [node] }),
      signal,
    )
    return {
      owner: known.owner.toLowerCase() as Address,
      roles: ROLES.filter((role) => (known.roles & ROLE_BITS[role]) !== 0),
      stakeWei: known.stakeWei,
      exitAtMs: Number(known.exitAt) * 1000,
      nonce: known.nonce,
    }
  }

  /** For parts of the chain that have a file of their own, such as governance. */
  read<T>(ask: Parameters<typeof read<T>>[2], signal?: AbortSignal): Promise<T> {
    return read(this.#rpc, this.deployment.chainId, ask, signal)
  }

  /** The same for writing. */
  async write(call: calls.Call, signal?: AbortSignal): Promise<Written> {
    return writtenOf(await this.#send(call, signal))
  }

  async #send({ contract, ...call }: calls.Call, signal: AbortSignal | undefined): Promise<Mined> {
    const to = this.deployment.addresses[contract]
    this.#isSending = true
    const mined = await this.#outbox.send({ ...call, to }, signal)
    this.#isSending = false
    this.#lastWritten = writtenOf(mined)
    return mined
  }

  #datanetEvent<N extends 'DatanetCreated' | 'VersionPublished'>({ logs }: Mined, eventName: N) {
    const log = logs.find(({ address }) => address === this.deployment.addresses.datanetRegistry)
    if (!log) {
      throw new ChainError('rpc-failed', `${this.#rpc.url} gave a receipt without ${eventName}`)
    }
    const topics = log.topics as [Hash, ...Hash[]]
    return decodeEventLog({ abi: datanetRegistryAbi, eventName, topics, data: log.data }).args
  }
}

async function checkDeployment(
  rpc: Rpc,
  { chainId, addresses }: Deployment,
  signal?: AbortSignal,
): Promise<void> {
  const answered = await rpc.request(smallQuantity, 'eth_chainId', [], signal)
  if (answered !== chainId) {
    throw new ChainError(
      'wrong-chain',
      `${rpc.url} is chain ${answered}, the deployment is on ${chainId}; correct one of the two`,
    )
  }
  for (const [name, address] of Object.entries(addresses)) {
    const code = await rpc.request(hexBytes, 'eth_getCode', [address, 'latest'], signal)
    if (code !== '0x') continue
    throw new ChainError(
      'wrong-chain',
      `${rpc.url} has no ${name} at ${address}: the chain was begun anew, or the deployment is another's; deploy again`,
    )
  }
}

function writtenOf({ transactionHash, blockNumber, gasUsed, logs }: Mined): Written {
  return { txHash: transactionHash, blockNumber, gasUsed, logs }
}
