/** What validators bring before the Disputes contract. */
import { encodeFunctionData } from 'viem'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import type { Contradiction } from '../../coordinator-free/admission.ts'
import { authorOf } from '../../protocol/message.ts'
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

function timed<T extends { issuedAtMs: number }>(body: T) {
  return { ...body, issuedAtMs: BigInt(body.issuedAtMs) }
}

function seen<T extends { issuedAtMs: number; beaconBlock: number }>(body: T) {
  return { ...timed(body), beaconBlock: BigInt(body.beaconBlock) }
}
