/** Who endorsed a batch that is posted: the transaction that posted it brought their signatures. */
import {
  compactSignatureToSignature,
  decodeFunctionData,
  type Hex,
  serializeSignature,
  TransactionNotFoundError,
} from 'viem'
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import type { SignedEndorsement } from '../../coordinator-free/events.ts'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { ChainClient } from './client.ts'

/**
 * Ascending by validator, signatures of 65 bytes, as they stood in the call, which the ledger takes from no contract. None
 * where the transaction is no call of `ResultLedger.post`, or where the RPC does not keep it any more.
 */
export async function readEndorsements(
  chain: ChainClient,
  txHash: Hash,
  signal?: AbortSignal,
): Promise<SignedEndorsement[]> {
  const input = await chain.read(async (client) => {
    try {
      return (await client.getTransaction({ hash: txHash })).input
    } catch (error) {
      if (error instanceof TransactionNotFoundError) return undefined
      throw error
    }
  }, signal)
  return input === undefined ? [] : endorsementsIn(input)
}

/** The endorsements in a transaction's call data; none where it is another call. */
function endorsementsIn(input: Hex): SignedEndorsement[] {
  const call = decodedCall(input)
  if (call?.functionName !== 'post') return []
  const [, endorsements] = call.args
  return endorsements.map(({ validator, r, vs }) => ({
    validator: validator.toLowerCase() as Address,
    signature: serializeSignature(compactSignatureToSignature({ r, yParityAndS: vs })),
  }))
}

function decodedCall(data: Hex) {
  try {
    return decodeFunctionData({ abi: resultLedgerAbi, data })
  } catch {
    // Some other contract's call: it says nothing to us.
    return undefined
  }
}
