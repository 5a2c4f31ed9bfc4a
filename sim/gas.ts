/** How much gas the transactions of nodes take: measured, by `npm run contracts:gas`, with every slot cold. */
import type { Duty } from '../coordinator-free/events.ts'
import { finaliseGas, MEASURED_BATCHES, postGas } from '../protocol/batch-gas.ts'
import type { JudgingDuty } from './judging.ts'
import type { Transaction } from './mempool.ts'
import { isPlainlyFalse } from './work.ts'

/** From `contracts/gas.json`, under the same names after `transaction: `; a test holds them to it. */
export const MEASURED_GAS = {
  ...MEASURED_BATCHES,
  'post, too late, 14 of 21': 81_700,
  'post, too late, 21 of 21': 105_940,
  'finalise, too late': 33_380,
  takeBack: 211_948,
  'takeBack, too late': 43_890,
  'giveBack, 1 payer': 56_668,
  'giveBack, 10 payers': 184_183,
  'register, 1 of 4': 135_051,
  claimedTwice: 155_334,
  votedTwice: 158_238,
  claimedFalsely: 117_828,
  passedFalsely: 116_473,
  'show, 1 of 4': 117_642,
  foreclose: 71_704,
  'falseScore, 512 coordinates of a byte': 88_672,
  'jury: open': 246_434,
  'jury: openUnseen, two accused': 283_529,
  'jury: draw 7 of 7 validators': 316_639,
  'jury: commit': 68_103,
  'jury: reveal': 55_601,
  'jury: decide, three accused': 328_398,
  'jury: withdraw': 33_759,
} as const

const GAS = MEASURED_GAS
/** Each further signature or payee. */
const LATE_SIGNATURE = (GAS['post, too late, 21 of 21'] - GAS['post, too late, 14 of 21']) / 7
const PAYEE = (GAS['giveBack, 10 payers'] - GAS['giveBack, 1 payer']) / 9

/** What a node does by a transaction. */
export type Write =
  | JudgingDuty
  | Extract<Duty, { kind: 'post' | 'finalise' | 'take-back' | 'give-back' | 'register' | 'accuse' }>

/** A transaction as the mempool takes it: what it does, and how much gas that takes. */
export function priced(
  write: Write,
): Pick<Transaction, 'duty' | 'what' | 'batch' | 'gas' | 'vainGas'> {
  const { duty, kind } = write
  const gas = BigInt(Math.ceil(gasOf(write)))
  const vainGas = BigInt(Math.ceil(vainGasOf(write) ?? Number(gas)))
  return {
    duty,
    what: kind,
    batch: kind === 'post' ? write.header.number : undefined,
    gas,
    vainGas,
  }
}

/** Where another was quicker; of what happens seldom there is no figure, and the whole is the most that it can take. */
function vainGasOf(write: Write): number | undefined {
  if (write.kind === 'take-back') return GAS['takeBack, too late']
  if (write.kind === 'finalise') return GAS['finalise, too late']
  if (write.kind !== 'post') return undefined
  return GAS['post, too late, 14 of 21'] + (write.endorsements.length - 14) * LATE_SIGNATURE
}

function gasOf(write: Write): number {
  switch (write.kind) {
    case 'post':
      return Number(postGas(write.endorsements.length, write.charges.length))
    case 'finalise':
      return Number(finaliseGas(write.headers.length))
    case 'take-back':
      return GAS.takeBack
    case 'give-back':
      return GAS['giveBack, 1 payer'] + (write.charges.length - 1) * PAYEE
    case 'register':
      return GAS['register, 1 of 4']
    case 'accuse':
      return accusationGas(write.said[0].message.kind)
    case 'challenge':
      if (write.openings.length > 0) return GAS['jury: openUnseen, two accused']
      return isPlainlyFalse(write.receipts[write.index]!)
        ? GAS['falseScore, 512 coordinates of a byte']
        : GAS['jury: open']
    case 'punish': {
      // Only the claim that was false is reported; which one that is, the chain knows.
      const passes = Math.max(0, ...write.claims.map((claim) => claim.passes.length))
      return GAS.claimedFalsely + passes * GAS.passedFalsely
    }
    default:
      return BY_KIND[write.kind]
  }
}

const BY_KIND = {
  show: GAS['show, 1 of 4'],
  foreclose: GAS.foreclose,
  draw: GAS['jury: draw 7 of 7 validators'],
  commit: GAS['jury: commit'],
  reveal: GAS['jury: reveal'],
  decide: GAS['jury: decide, three accused'],
  withdraw: GAS['jury: withdraw'],
} as const

/** What no contract judges is sent to none. */
function accusationGas(kind: string): number {
  if (kind === 'claim') return GAS.claimedTwice
  return kind === 'vote' ? GAS.votedTwice : 0
}
