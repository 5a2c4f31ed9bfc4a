/** Whether a receipt's batch stands on the chain: what no file can show of itself, since anybody can sign for validators of their own. */
import { resultLedgerAbi } from '../../contracts/gen/ResultLedger.ts'
import { headerHash } from '../../protocol/batch.ts'
import type { ChainClient } from '../chain/client.ts'
import type { ReceiptFile } from './file.ts'
import type { Check } from './openings.ts'

/** `0x` and 192 bits: what the ledger keeps of a header's hash. */
const KEPT_LENGTH = 2 + 192 / 4

/** The contract has counted the stake of those who endorsed it. Throws `ChainError` where the chain cannot be asked. */
export async function checkOnChain(
  chain: Pick<ChainClient, 'read' | 'deployment'>,
  { chainId, resultLedger, header }: Pick<ReceiptFile, 'chainId' | 'resultLedger' | 'header'>,
): Promise<Check> {
  const what = 'batch stands on the chain'
  const { deployment } = chain
  if (chainId !== deployment.chainId || resultLedger !== deployment.addresses.resultLedger) {
    const there = `chain ${deployment.chainId}, ledger ${deployment.addresses.resultLedger}`
    const detail = `it says chain ${chainId}, ledger ${resultLedger}, and asked was ${there}`
    return { what, ok: false, detail }
  }
  const { number } = header
  const contract = { address: resultLedger, abi: resultLedgerAbi } as const
  const [batch, [, finalised]] = await chain.read((client) =>
    Promise.all([
      client.readContract({ ...contract, functionName: 'batchOf', args: [BigInt(number)] }),
      client.readContract({ ...contract, functionName: 'progress' }),
    ]),
  )
  if (batch.headerHash !== headerHash(header).slice(0, KEPT_LENGTH)) {
    const detail = `batch ${number} is another there, or there is none`
    return { what, ok: false, detail }
  }
  const isFinal = BigInt(number) <= finalised
  const detail = isFinal ? `batch ${number}, final` : `batch ${number} is not final yet`
  return { what, ok: isFinal, detail }
}
