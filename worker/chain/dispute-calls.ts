/** What is brought before the Disputes contract, and answered there. */
import { encodeFunctionData } from 'viem'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import type { InBatch, SignedEndorsement } from '../../coordinator-free/events.ts'
import type { Contradiction } from '../../coordinator-free/ledger.ts'
import { BatchHeader, headerHash } from '../../protocol/batch.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import { partsBytes, type RowPart, tokenBytes } from '../../protocol/evidence.ts'
import { type Hash, toHex } from '../../protocol/hash.ts'
import { merkleProof, type Proof } from '../../protocol/merkle.ts'
import { authorOf } from '../../protocol/message.ts'
import { Receipt, receiptLeaf } from '../../protocol/receipt.ts'
import { hashedFields } from '../../protocol/struct.ts'
import type { CountEvidence, ScoreEvidence } from '../attribution/evidence.ts'
import type { Call } from './calls.ts'

/** Two signed claims on one job, or two signed votes on one claim; `undefined` for what the contract does not judge. */
export function contradictionCall([first, second]: Contradiction): Call | undefined {
  const what = `report that ${authorOf(first.message)} contradicts itself`
  const [one, other] = [first.message, second.message]
  if (one.kind === 'claim' && other.kind === 'claim') {
    const args = [timed(one.body), first.signature, timed(other.body), second.signature] as const
    const data = encodeFunctionData({ abi: disputesAbi, functionName: 'claimedTwice', args })
    return { contract: 'disputes', what, data }
  }
  if (one.kind === 'vote' && other.kind === 'vote') {
    const args = [seen(one.body), first.signature, seen(other.body), second.signature] as const
    const data = encodeFunctionData({ abi: disputesAbi, functionName: 'votedTwice', args })
    return { contract: 'disputes', what, data }
  }
  return undefined
}

/** A claim for which a batch was found false: its worker signed it. @param header Hash of the batch's header */
export function falseClaimCall(header: Hash, { message, signature }: Envelope): Call | undefined {
  if (message.kind !== 'claim') return undefined
  const args = [header, timed(message.body), signature] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'claimedFalsely', args })
  const what = `report that ${message.body.worker} made a false claim`
  return { contract: 'disputes', what, data }
}

/** A claim for which a batch was found false: a validator passed it. @param header Hash of the batch's header */
export function falsePassCall(header: Hash, { message, signature }: Envelope): Call | undefined {
  if (message.kind !== 'vote') return undefined
  const args = [header, seen(message.body), signature] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'passedFalsely', args })
  const what = `report that ${message.body.validator} passed a false claim`
  return { contract: 'disputes', what, data }
}

/** A validator endorsed a batch whose fault it could see. @param header Hash of the batch's header */
export function falseEndorsementCall(
  header: Hash,
  { validator, signature }: SignedEndorsement,
): Call {
  const args = [header, validator, signature] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'endorsedFalsely', args })
  return { contract: 'disputes', what: `report that ${validator} endorsed a false batch`, data }
}

/** Asks for a receipt of an open batch, for a bond of `challengeBondGwei`. */
export function demandCall(header: BatchHeader, index: number, bondWei: bigint): Call {
  const args = [hashedHeader(header), BigInt(index)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'demand', args })
  const what = `ask for receipt ${index} of batch ${header.number}`
  return { contract: 'disputes', what, data, valueWei: bondWei }
}

/** Shows a receipt that was asked for. */
export function showCall({ header, receipt, proof: { index, siblings } }: PlacedReceipt): Call {
  const args = [hashedHeader(header), receipt, BigInt(index), siblings] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'show', args })
  const what = `show receipt ${index} of batch ${header.number}`
  return { contract: 'disputes', what, data }
}

/** A receipt was not shown in time. */
export function forecloseCall(header: BatchHeader, index: number): Call {
  const args = [headerHash(header), BigInt(index)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'foreclose', args })
  const what = `foreclose receipt ${index} of batch ${header.number}`
  return { contract: 'disputes', what, data }
}

export function timed<T extends { issuedAtMs: number }>(body: T) {
  return { ...body, issuedAtMs: BigInt(body.issuedAtMs) }
}

function seen<T extends { issuedAtMs: number; beaconBlock: number }>(body: T) {
  return { ...timed(body), beaconBlock: BigInt(body.beaconBlock) }
}

/** A receipt with its place in an open batch. */
export interface PlacedReceipt {
  readonly header: BatchHeader
  readonly receipt: Receipt
  readonly proof: Proof
}

/** One of a batch's receipts, with its way up to the root. */
export function placedIn({ header, receipts, index }: InBatch): PlacedReceipt {
  const proof = merkleProof(receipts.map(receiptLeaf), index)
  return { header, receipt: receipts[index]!, proof }
}

/** A share of the receipt's answer is not the product of its rows. `spansRoot` is that of the adapter's span index. */
export function falseScoreCall(
  placed: PlacedReceipt,
  evidence: ScoreEvidence,
  spansRoot: Hash,
): Call {
  const { share, shareWay, rows, sumWay, part, query, vector } = evidence
  const claimed = {
    decoys: BigInt(evidence.decoys),
    decoySquares: BigInt(evidence.decoySquares),
    share: {
      contributor: share.contributor,
      rows: BigInt(share.rows),
      parts: toHex(partsBytes(share.parts)),
    },
    way: shareWay,
  }
  const summed = { rows: BigInt(rows), way: sumWay, spansRoot }
  const args = [
    placedArgument(placed),
    claimed,
    summed,
    BigInt(part),
    partArgument(query),
    partArgument(vector),
  ] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'falseScore', args })
  const what = `dispute the score of ${share.contributor} for job ${placed.receipt.jobId}`
  return { contract: 'disputes', what, data }
}

/** A span of the receipt's answer is not cited where it stands. `influenceRoot` is that of the adapter's gradient index. */
export function falseCountCall(
  placed: PlacedReceipt,
  evidence: CountEvidence,
  influenceRoot: Hash,
): Call {
  const { span, tokens, spanWay, symbols, contributions, textRoot, suffixRoot, shown } = evidence
  const { place, occurrences } = span
  const args = [
    placedArgument(placed),
    { place, occurrences, tokens: toHex(tokenBytes(tokens)) },
    spanWay,
    influenceRoot,
    { symbols: BigInt(symbols), contributions: BigInt(contributions), textRoot, suffixRoot },
    {
      place: BigInt(shown.place),
      suffix: { ...shown.suffix, leaf: toHex(shown.suffix.leaf) },
      text: { ...shown.text, leaf: toHex(shown.text.leaf) },
    },
  ] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'falseCount', args })
  const what = `dispute a span of ${tokens.length} tokens in the answer to job ${placed.receipt.jobId}`
  return { contract: 'disputes', what, data }
}

/** A header as the words that it is hashed from. */
function hashedHeader(header: BatchHeader) {
  const { number, epoch, ...rest } = hashedFields(BatchHeader, header)
  return { ...rest, number: BigInt(number), epoch: BigInt(epoch) }
}

export function placedArgument({ header, receipt, proof }: PlacedReceipt) {
  return {
    header: hashedHeader(header),
    receipt: hashedFields(Receipt, receipt),
    index: BigInt(proof.index),
    siblings: proof.siblings,
  }
}

function partArgument({ coordinates, siblings }: RowPart) {
  return { coordinates: toHex(coordinates), siblings: siblings as [Hash, Hash] }
}
