/** What nodes bring before Disputes and Jury, and answer there. */
import { encodeFunctionData } from 'viem'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import type { Contradiction } from '../../coordinator-free/admission.ts'
import type { InBatch } from '../../coordinator-free/events.ts'
import type { BatchHeader } from '../../protocol/batch.ts'
import type { Hash } from '../../protocol/hash.ts'
import { verdictNumber } from '../../protocol/jury.ts'
import { merkleProof } from '../../protocol/merkle.ts'
import { authorOf } from '../../protocol/message.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import type { Verdict } from '../../protocol/vote.ts'
import { type Call, headerArgument } from './calls.ts'

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

/** Asks for a receipt of an open batch, for a bond of `challengeBondGwei`. */
export function demandCall(header: BatchHeader, index: number, bondWei: bigint): Call {
  const args = [headerArgument(header), BigInt(index)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'demand', args })
  const what = `ask for receipt ${index} of batch ${header.number}`
  return { contract: 'disputes', what, data, valueWei: bondWei }
}

/** Shows a receipt that was asked for. */
export function showCall(place: InBatch): Call {
  const args = [placed(place)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'show', args })
  const what = `show receipt ${place.index} of batch ${place.header.number}`
  return { contract: 'disputes', what, data }
}

/** A receipt was not shown in time. */
export function forecloseCall(header: BatchHeader, index: number): Call {
  const args = [headerArgument(header), BigInt(index)] as const
  const data = encodeFunctionData({ abi: disputesAbi, functionName: 'foreclose', args })
  const what = `foreclose receipt ${index} of batch ${header.number}`
  return { contract: 'disputes', what, data }
}

/** Calls a jury over the claim in a receipt, for a bond of `challengeBondGwei`. */
export function openCaseCall(place: InBatch, bondWei: bigint): Call {
  const args = [placed(place)] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'open', args })
  const what = `call a jury over receipt ${place.index} of batch ${place.header.number}`
  return { contract: 'jury', what, data, valueWei: bondWei }
}

export function drawCall(number: number): Call {
  const args = [BigInt(number)] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'draw', args })
  return { contract: 'jury', what: `have the jurors of case ${number} drawn`, data }
}

/** @param seal `verdictSeal` */
export function commitVerdictCall(number: number, seal: Hash): Call {
  const args = [BigInt(number), seal] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'commit', args })
  return { contract: 'jury', what: `commit to a verdict in case ${number}`, data }
}

export function revealVerdictCall(number: number, verdict: Verdict, salt: Hash): Call {
  const args = [BigInt(number), verdictNumber(verdict), salt] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'reveal', args })
  return { contract: 'jury', what: `reveal the verdict in case ${number}`, data }
}

export function decideCall(number: number, header: BatchHeader): Call {
  const args = [BigInt(number), headerArgument(header)] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'decide', args })
  return { contract: 'jury', what: `have case ${number} decided`, data }
}

export function withdrawFromJuryCall(): Call {
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'withdraw' })
  return { contract: 'jury', what: 'withdraw what cases have left', data }
}

/** A receipt with its way up to the batch's root, as the contracts take it. */
function placed({ header, receipts, index }: InBatch) {
  const { siblings } = merkleProof(receipts.map(receiptLeaf), index)
  const receipt = receipts[index]!
  return { header: headerArgument(header), receipt, index: BigInt(index), siblings }
}

function timed<T extends { issuedAtMs: number }>(body: T) {
  return { ...body, issuedAtMs: BigInt(body.issuedAtMs) }
}

function seen<T extends { issuedAtMs: number; beaconBlock: number }>(body: T) {
  return { ...timed(body), beaconBlock: BigInt(body.beaconBlock) }
}
