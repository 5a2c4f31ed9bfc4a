/**
 * An L1 and an OP Stack L2 on it, as far as anvil carries them: two real chains, real transactions of type 0x7E, real
 * storage proofs. What else makes a rollup, this file plays: it derives deposits from the L1's logs (op-node), and
 * proposes outputs (op-proposer). There is no batcher, and no fault proof: nobody disputes what is proposed. The
 * contracts are small stand-ins for the originals, see `op-stack`.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  type Address,
  type Chain,
  createTestClient,
  encodeAbiParameters,
  encodeDeployData,
  type Hex,
  type HttpTransport,
  http,
  keccak256,
  numberToHex,
  type PrivateKeyAccount,
  type PublicActions,
  publicActions,
  type TestClient,
  toHex,
  type WalletActions,
  walletActions,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  chainConfig,
  extractTransactionDepositedLogs,
  getSourceHash,
  opaqueDataToDepositData,
  serializeTransaction,
} from 'viem/op-stack'
import { anvilArguments } from '../../worker/chain/anvil.ts'
import { anvilProgram } from '../../worker/chain/anvil-program.ts'
import { Guarded } from '../../worker/chain/guarded.ts'
import { openChain, parseBridge, sourceChain } from '../../worker/chain/op-stack.ts'
import { person } from './embedded-chain.ts'
import { removeFolder, testFolder } from './folders.ts'
import { type Compiled, compileSolidity } from './solidity.ts'

export const L1_ID = 900
export const L2_ID = 901
/** Longer than any test takes: who wants to finalise puts the clock forward. */
export const PROOF_AGE_SECONDS = 3600
const COIN = 10n ** 18n
const PASSER = chainConfig.contracts.l2ToL1MessagePasser.address
const L1_BLOCK = chainConfig.contracts.l1Block.address
const SOURCES = new URL('./op-stack/', import.meta.url)

type TestChain = TestClient<'anvil', HttpTransport, Chain, PrivateKeyAccount> &
  PublicActions<HttpTransport, Chain, PrivateKeyAccount> &
  WalletActions<Chain, PrivateKeyAccount>

export class TwoChains {
  readonly folder = testFolder('bridge')
  readonly contracts = compileSolidity(SOURCES, ['L1.sol', 'L2.sol'])
  /** Deploys, and proposes. */
  readonly operator = privateKeyToAccount(toHex(person('operator').key))
  l1!: TestChain
  l2!: TestChain
  portal!: Address
  factory!: Address
  /** On L1 and on L2. */
  letterboxes!: { readonly l1: Address; readonly l2: Address }
  readonly #running: Guarded[] = []
  #derivedBlock = 0n

  static async start(): Promise<TwoChains> {
    const chains = new TwoChains()
    try {
      await chains.#start()
      return chains
    } catch (error) {
      await chains.stop()
      throw error
    }
  }

  get bridgeFile(): string {
    return path.join(this.folder, 'bridge.json')
  }

  async stop(): Promise<void> {
    for (const chain of this.#running) chain.end()
    await Promise.all(this.#running.map(({ exited }) => exited))
    removeFolder(this.folder)
  }

  /** Gives somebody coins on both chains. */
  async fund(address: Address, value = 10n * COIN): Promise<void> {
    for (const chain of [this.l1, this.l2]) await chain.setBalance({ address, value })
  }

  /** Makes the L2 one with a gas token of its own, or not; the portal stays as it is. */
  async setCustomGasToken(isCustom: boolean): Promise<void> {
    const value = numberToHex(isCustom ? 1 : 0, { size: 32 })
    await this.l2.setStorageAt({ address: L1_BLOCK, index: 0, value })
  }

  /** As op-node does it: a transaction on L2 for each new deposit on L1. The sender of deposits pays no gas. */
  async derive(): Promise<Hex[]> {
    const toBlock = await this.l1.getBlockNumber({ cacheTime: 0 })
    const fromBlock = this.#derivedBlock + 1n
    if (toBlock < fromBlock) return []
    this.#derivedBlock = toBlock
    const logs = await this.l1.getLogs({ address: this.portal, fromBlock, toBlock })
    const hashes: Hex[] = []
    for (const { args, blockHash, logIndex } of extractTransactionDepositedLogs({ logs })) {
      const { isCreation, mint, ...rest } = opaqueDataToDepositData(args.opaqueData)
      const domain = {
        domain: 'userDeposit',
        l1BlockHash: blockHash,
        l1LogIndex: logIndex,
      } as const
      const serializedTransaction = serializeTransaction({
        ...rest,
        type: 'deposit',
        from: args.from,
        sourceHash: getSourceHash(domain),
        ...(isCreation ? {} : { to: args.to }),
        ...(mint > 0n ? { mint } : {}),
      })
      hashes.push(await this.l2.sendRawTransaction({ serializedTransaction }))
    }
    return hashes
  }

  /** As op-proposer does it: says on L1 what the L2's newest block is. */
  async propose(): Promise<void> {
    const { number, stateRoot, hash } = await this.l2.getBlock()
    const asked = { address: PASSER, storageKeys: [], blockNumber: number }
    const { storageHash } = await this.l2.getProof(asked)
    const bytes32 = { type: 'bytes32' } as const
    const version = numberToHex(0, { size: 32 })
    const root = keccak256(
      encodeAbiParameters(
        [bytes32, bytes32, bytes32, bytes32],
        [version, stateRoot, storageHash, hash],
      ),
    )
    await this.claim(number, root)
  }

  /** As anybody may do it: creates a game, whatever it claims of a block of the L2. */
  async claim(number: bigint, root: Hex): Promise<void> {
    const factory = { address: this.factory, abi: this.contract('GameFactory').abi }
    const args = [0, root, numberToHex(number, { size: 32 })]
    await this.l1.writeContractSync({ ...factory, functionName: 'create', args })
  }

  /** Puts the clock of L1 forward. */
  async passTime(seconds: number): Promise<void> {
    await this.l1.increaseTime({ seconds })
    await this.l1.mine({ blocks: 1 })
  }

  contract(name: string): Compiled {
    return this.contracts.get(name)!
  }

  /** Puts a portal of its own in the bridge file, under the same factory. */
  async usePortal(isCustomGasToken: boolean): Promise<void> {
    const args = [this.factory, PROOF_AGE_SECONDS, isCustomGasToken]
    this.portal = await this.#deploy(this.l1, 'Portal', args)
    const text = JSON.stringify({
      l1: { rpc: this.l1.transport.url, chainId: L1_ID },
      l2: { rpc: this.l2.transport.url, chainId: L2_ID },
      contracts: { portal: this.portal, disputeGameFactory: this.factory },
    })
    writeFileSync(this.bridgeFile, text)
  }

  async #start(): Promise<void> {
    const [l1Port, l2Port] = await Promise.all([
      this.#listen('l1', [
        ...['--chain-id', String(L1_ID), '--accounts', '0', '--block-time', '1', '--mixed-mining'],
        ...['--cache-path', path.join(this.folder, 'l1'), '--host', '127.0.0.1', '--port', '0'],
      ]),
      this.#listen('l2', l2Arguments(this.folder)),
    ])
    const urls = { l1: `http://127.0.0.1:${l1Port}`, l2: `http://127.0.0.1:${l2Port}` }
    const nobody = `0x${'00'.repeat(20)}`
    const file = parseBridge(
      JSON.stringify({
        l1: { rpc: urls.l1, chainId: L1_ID },
        l2: { rpc: urls.l2, chainId: L2_ID },
        contracts: { portal: nobody, disputeGameFactory: nobody },
      }),
      'the first draft',
    )
    this.l1 = clientOf(sourceChain(file), urls.l1, this.operator)
    this.l2 = clientOf(openChain(file), urls.l2, this.operator)
    await this.fund(this.operator.address)
    this.factory = await this.#deploy(this.l1, 'GameFactory')
    const l1 = await this.#deploy(this.l1, 'Letterbox')
    const l2 = await this.#deploy(this.l2, 'Letterbox')
    this.letterboxes = { l1, l2 }
    await this.usePortal(false)
    const { deployedBytecode: passer } = this.contract('MessagePasser')
    await this.l2.setCode({ address: PASSER, bytecode: passer })
    const { deployedBytecode: l1Block } = this.contract('L1Block')
    await this.l2.setCode({ address: L1_BLOCK, bytecode: l1Block })
  }

  /** The guardian ends the chain should this process die. */
  async #listen(name: string, args: readonly string[]): Promise<number> {
    const chain = new Guarded(anvilProgram(), args, path.join(this.folder, `${name}.pids.json`))
    this.#running.push(chain)
    return await chain.listening
  }

  async #deploy(chain: TestChain, name: string, args: readonly unknown[] = []): Promise<Address> {
    const data = encodeDeployData({ ...this.contract(name), args })
    const { contractAddress } = await chain.sendTransactionSync({ data })
    return contractAddress!
  }
}

/** As for the embedded chain, but for its history: a proof is of a block that has passed. */
function l2Arguments(folder: string): string[] {
  const options = { dataFolder: folder, chainId: L2_ID }
  const args = anvilArguments(options, path.join(folder, 'l2', 'state.json'))
  return args.filter((word) => word !== '--prune-history')
}

function clientOf(chain: Chain, url: string, account: PrivateKeyAccount): TestChain {
  return createTestClient({ mode: 'anvil', chain, account, transport: http(url) })
    .extend(publicActions)
    .extend(walletActions)
}
