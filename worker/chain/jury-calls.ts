/** What is brought before the Jury, and answered there. */
import { encodeFunctionData } from 'viem'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import type { InBatch } from '../../coordinator-free/events.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Hash } from '../../protocol/hash.ts'
import { verdictNumber } from '../../protocol/jury.ts'
import type { Verdict } from '../../protocol/vote.ts'
import type { Call } from './calls.ts'
import { placedArgument, placedIn, timed } from './dispute-calls.ts'

/** Calls a jury over the claim in a receipt, for a bond of `challengeBondGwei`. */
export function openCaseCall(place: InBatch, bondWei: bigint): Call {
  const placed = placedIn(place)
  const args = [placedArgument(placed), placed.receipt.passedBy] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'open', args })
  const what = `call a jury over receipt ${place.index} of batch ${place.header.number}`
  return { contract: 'jury', what, data, valueWei: bondWei }
}

/**
 * Calls a jury over those who passed the answer in a receipt, and opened another transcript than a run of it gives.
 * @param openings Of all whom the receipt names, in its order, as they signed them
 */
export function openUnseenCall(
  place: InBatch,
  openings: readonly Envelope[],
  bondWei: bigint,
): Call {
  const bodies = openings.flatMap(({ message }) =>
    message.kind === 'opening' ? [timed(message.body)] : [],
  )
  const signatures = openings.map(({ signature }) => signature)
  const args = [placedArgument(placedIn(place)), bodies, signatures] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'openUnseen', args })
  const what = `call a jury over who passed receipt ${place.index} of batch ${place.header.number}`
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

export function decideCall(number: number): Call {
  const args = [BigInt(number)] as const
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'decide', args })
  return { contract: 'jury', what: `have case ${number} decided`, data }
}

export function withdrawFromJuryCall(): Call {
  const data = encodeFunctionData({ abi: juryAbi, functionName: 'withdraw' })
  return { contract: 'jury', what: 'withdraw what cases have left', data }
}
