/** Both sides of a bridge with an account on each, checked to be what the bridge file says. */
import path from 'node:path'
import { type Address, ContractFunctionExecutionError, type Hex, parseAbi, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { readContract } from 'viem/actions'
import { getPortalVersion } from 'viem/op-stack'
import { told } from './bridge-errors.ts'
import { Side } from './bridge-side.ts'
import { Transfers } from './bridge-transfers.ts'
import { ChainError } from './errors.ts'
import { type BridgeFile, openChain, sourceChain } from './op-stack.ts'

/** The first portal with dispute games. */
const GAMES_SINCE_MAJOR = 3
const l1BlockAbi = parseAbi(['function isCustomGasToken() view returns (bool)'])

export interface BridgeOptions {
  readonly file: BridgeFile
  /** 32 bytes; pays on both chains. */
  readonly privateKey: Uint8Array
  /** Where the file of transfers lies. */
  readonly dataFolder: string
  readonly signal?: AbortSignal
}

/** What goes over the bridge. */
export interface Parcel {
  readonly to: Address
  readonly valueWei: bigint
  readonly data: Hex
  /** For the other chain, where this is carried out. */
  readonly gas: bigint
}

export interface Bridge {
  readonly account: Address
  readonly l1: Side<ReturnType<typeof sourceChain>>
  readonly l2: Side<ReturnType<typeof openChain>>
  /** viem looks contracts up on it. */
  readonly targetChain: ReturnType<typeof openChain>
  readonly portal: Address
  readonly transfers: Transfers
  readonly signal: AbortSignal | undefined
  close(): void
}

/**
 * Connects, and checks both chains. Throws `ChainError`: `unreachable`, `timeout`, `wrong-chain`, `unknown-transfer` or
 * `aborted`; then nothing is left open.
 */
export async function connectBridge(options: BridgeOptions): Promise<Bridge> {
  const { file, privateKey, dataFolder, signal } = options
  const account = privateKeyToAccount(toHex(privateKey))
  const targetChain = openChain(file)
  const l1 = new Side(file.l1.rpc, sourceChain(file), account, signal)
  const l2 = new Side(file.l2.rpc, targetChain, account, signal)
  const close = (): void => {
    l1.close()
    l2.close()
  }
  const { portal } = file.contracts
  try {
    await told('look at both chains', async () => {
      await Promise.all([l1.checkChain('L1'), l2.checkChain('L2')])
      await l1.checkContract('portal', portal)
      await l1.checkContract('dispute game factory', file.contracts.disputeGameFactory)
      await l2.checkContract(
        'L1Block (is it an OP Stack chain?)',
        targetChain.contracts.l1Block.address,
      )
      const { major } = await getPortalVersion(l1.client, { targetChain })
      if (Number(major) >= GAMES_SINCE_MAJOR) return
      throw new ChainError(
        'wrong-chain',
        `the portal ${portal} is of version ${major}, before dispute games; bridge with the chain's own tools`,
      )
    })
    const transfers = await Transfers.load(
      path.join(dataFolder, `transfers-${file.l2.chainId}.json`),
    )
    return { account: account.address, l1, l2, targetChain, portal, transfers, signal, close }
  } catch (error) {
    close()
    throw error
  }
}

/** Throws `ChainError` `value-refused` where value would be sent to or from a chain with a gas token of its own. */
export async function requireCarriable(
  { l2, targetChain }: Bridge,
  valueWei: bigint,
): Promise<void> {
  if (valueWei === 0n || !(await hasCustomGasToken(l2, targetChain.contracts.l1Block.address)))
    return
  throw new ChainError(
    'value-refused',
    `chain ${targetChain.id} has a gas token of its own, and by specification its portal carries no value: ` +
      "leave the amount out. OPEN itself goes through the operator's own lockbox on L1; messages without value " +
      'and, over the standard bridge, ERC-20s pass here',
  )
}

/** Older chains have no such question, and no gas token of their own. */
async function hasCustomGasToken(l2: Bridge['l2'], address: Address): Promise<boolean> {
  return await told('ask for the gas token', async () => {
    try {
      return await readContract(l2.client, {
        address,
        abi: l1BlockAbi,
        functionName: 'isCustomGasToken',
      })
    } catch (error) {
      if (error instanceof ContractFunctionExecutionError && isUnanswered(error)) return false
      throw error
    }
  })
}

function isUnanswered(error: ContractFunctionExecutionError): boolean {
  const { name } = error.cause as Error
  return name === 'ContractFunctionRevertedError' || name === 'ContractFunctionZeroDataError'
}
