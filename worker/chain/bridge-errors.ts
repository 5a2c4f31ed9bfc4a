/** What viem throws about a bridge, told as what it means. */
import { BaseError, ContractFunctionRevertedError, toFunctionSelector } from 'viem'
import { ChainError } from './errors.ts'

const POOR = /insufficient (funds|balance)|exceeds (the )?balance/i

/** What the contracts of op-contracts 6 refuse with, and viem's ABIs do not know yet; each without arguments. */
const REFUSALS: Readonly<Record<string, string>> = {
  OptimismPortal_BadTarget: 'the target is not allowed',
  OptimismPortal_CalldataTooLarge: 'the data is too large',
  OptimismPortal_CallPaused: 'the bridge is paused; try again later',
  OptimismPortal_GasLimitTooLow: 'the gas is too low; say more with --gas',
  OptimismPortal_ImproperDisputeGame: 'its dispute game does not count; prove it again',
  OptimismPortal_InvalidDisputeGame: 'its dispute game does not count; prove it again',
  OptimismPortal_InvalidMerkleProof: 'the proof does not hold',
  OptimismPortal_InvalidOutputRootProof: 'the dispute game claims another L2 than the RPC shows',
  OptimismPortal_InvalidRootClaim: 'its dispute game was lost; prove it again',
  OptimismPortal_NotAllowedOnCGTMode: 'the chain has a gas token of its own: no value passes',
  OptimismPortal_ProofNotOldEnough: 'the proof must age',
  L2ToL1MessagePasserCGT_NotAllowedOnCGTMode:
    'the chain has a gas token of its own: no value passes',
}

const BY_SELECTOR = new Map<string, string>(
  Object.keys(REFUSALS).map((name) => [toFunctionSelector(`${name}()`), name] as const),
)

/** Runs `act`; what fails is a `ChainError`. */
export async function told<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw chainErrorOf(error, what)
  }
}

function chainErrorOf(error: unknown, what: string): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ChainError) return at
  }
  if (!(error instanceof BaseError)) return error
  const revert = error.walk((one) => one instanceof ContractFunctionRevertedError)
  if (revert instanceof ContractFunctionRevertedError) {
    const message = `the contract refused to ${what}: ${reasonOf(revert)}`
    return new ChainError('reverted', message, { cause: error })
  }
  if (POOR.test(`${error.details} ${error.message}`)) {
    return new ChainError(
      'insufficient-funds',
      `the account cannot pay to ${what}; send it coins of that chain and try again`,
      { cause: error },
    )
  }
  const said = error.details || error.shortMessage
  return new ChainError('rpc-failed', `to ${what} failed: ${said}`, { cause: error })
}

function reasonOf({ reason, data, signature }: ContractFunctionRevertedError): string {
  const name = data?.errorName ?? BY_SELECTOR.get(signature ?? '')
  const meaning = name === undefined ? undefined : REFUSALS[name]
  if (meaning !== undefined) return `${meaning} (${name})`
  return reason ?? name ?? signature ?? 'it gave no reason'
}
