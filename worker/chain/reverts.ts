/** What a contract said when it refused. */
import { type Abi, decodeErrorResult, type Hex } from 'viem'
import { datanetRegistryAbi } from '../../contracts/gen/DatanetRegistry.ts'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import { feeEscrowAbi } from '../../contracts/gen/FeeEscrow.ts'
import { gOpenAbi } from '../../contracts/gen/GOpen.ts'
import { jobEscrowAbi } from '../../contracts/gen/JobEscrow.ts'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import { modelRegistryAbi } from '../../contracts/gen/ModelRegistry.ts'
import { openGovernorAbi } from '../../contracts/gen/OpenGovernor.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import { payoutAbi } from '../../contracts/gen/Payout.ts'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi } from '../../contracts/gen/StakeVault.ts'
import { timelockAbi } from '../../contracts/gen/Timelock.ts'
import { RpcError } from './endpoint.ts'
import { ChainError, type Revert } from './errors.ts'
import { hexBytes } from './quantities.ts'

/** One contract's call may fail in another, so all their errors are known together. */
const ERRORS: Abi = [
  ...stakeVaultAbi,
  ...datanetRegistryAbi,
  ...modelRegistryAbi,
  ...feeEscrowAbi,
  ...resultLedgerAbi,
  ...payoutAbi,
  ...gOpenAbi,
  ...openGovernorAbi,
  ...timelockAbi,
  ...paramsAbi,
  ...disputesAbi,
  ...juryAbi,
  ...jobEscrowAbi,
].filter(({ type }) => type === 'error')

/** Nodes word a refusal in many ways; where the bytes are missing the words must do. */
const REVERTED = /revert/i
const POOR = /insufficient (funds|balance)|exceeds (the )?balance|out of gas.*balance/i

/** A failed estimate or call, told as what it means; other errors come back as they are. @param account who was to pay */
export function explain(error: unknown, what: string, account = 'the account'): unknown {
  const cause = error instanceof ChainError ? error.cause : undefined
  if (!(cause instanceof RpcError)) return error
  const data = hexBytes.safeParse(cause.data)
  if (data.success || REVERTED.test(cause.message)) {
    return revertedError(what, data.success ? data.data : '0x', cause)
  }
  if (!POOR.test(cause.message)) return error
  return new ChainError(
    'insufficient-funds',
    `${account} cannot pay to ${what}: ${cause.message}; send it OPEN and try again`,
    { cause },
  )
}

/** `ChainError` `reverted` with the contract's error by name. */
export function revertedError(what: string, data: Hex, cause?: unknown): ChainError {
  const revert = decodeRevert(data)
  const args = Object.entries(revert.args).map(([name, value]) => `${name} ${String(value)}`)
  const said = args.length > 0 ? `${revert.name}(${args.join(', ')})` : revert.name
  return new ChainError('reverted', `the contract refused to ${what}: ${said}`, { revert, cause })
}

/** `ChainError` `reverted` for what took more gas than its estimate left room for. */
export function outOfGasError(what: string, gas: bigint): ChainError {
  const said = `the transaction to ${what} used up its ${gas} gas, for the chain had changed since it was estimated; try again`
  return new ChainError('reverted', said, { revert: { name: 'OutOfGas', args: { gas } } })
}

/** The custom error in these bytes; `Unknown` where they are none of ours. */
export function decodeRevert(data: Hex): Revert {
  try {
    const { errorName, args, abiItem } = decodeErrorResult({ abi: ERRORS, data })
    const inputs = 'inputs' in abiItem ? abiItem.inputs : []
    const values = (args ?? []) as readonly unknown[]
    return {
      name: errorName,
      args: Object.fromEntries(
        values.map((value, index) => [inputs[index]?.name || `arg${index}`, value]),
      ),
    }
  } catch {
    // No contract of ours spoke, or nobody did.
    return { name: 'Unknown', args: data === '0x' ? {} : { data } }
  }
}
