/** What the transactions of nodes ask of the L2: measured, by `npm run contracts:gas`, with every slot cold. */
import type { Duty } from '../coordinator-free/events.ts'
import {
  each,
  finaliseLoad,
  type Load,
  loadOf,
  MEASURED_BATCHES,
  type Measured,
  more,
  postLoad,
} from '../protocol/batch-cost.ts'
import { MAX_FINALISED } from '../protocol/params.ts'
import type { JudgingDuty } from './judging.ts'
import type { Transaction } from './mempool.ts'
import { isPlainlyFalse } from './work.ts'

/** From `contracts/gas.json`, under the same names; a test holds them to it. */
export const MEASURED_GAS = {
  ...MEASURED_BATCHES,
  'claim for the first time, 1 of 1,024': { whole: 90_573, call: 64_349 },
  takeBack: { whole: 244_018, call: 213_862 },
  'giveBack, 1 payer': { whole: 56_668, call: 28_620 },
  'giveBack, 10 payers': { whole: 184_183, call: 139_923 },
  'register, 1 of 4': { whole: 135_051, call: 101_691 },
  claimedTwice: { whole: 155_232, call: 126_772 },
  votedTwice: { whole: 178_442, call: 148_750 },
  claimedFalsely: { whole: 117_726, call: 92_470 },
  passedFalsely: { whole: 136_677, call: 110_781 },
  demand: { whole: 120_686, call: 95_966 },
  'show, 1 of 4': { whole: 117_642, call: 85_678 },
  foreclose: { whole: 71_599, call: 49_883 },
  'falseScore, 512 coordinates of a byte': { whole: 88_672, call: 43_764 },
  'jury: open': { whole: 246_434, call: 213_862 },
  'jury: openUnseen, two accused': { whole: 283_529, call: 242_649 },
  'jury: draw 7 of 7 validators': { whole: 326_957, call: 305_753 },
  'jury: commit': { whole: 68_103, call: 46_387 },
  'jury: reveal': { whole: 55_601, call: 33_745 },
  'jury: decide, three accused': { whole: 360_771, call: 339_567 },
  'jury: withdraw': { whole: 33_759, call: 12_695 },
} as const satisfies Record<string, Measured>

/** Of whole transactions, after another that was quicker. */
export const MEASURED_LATE_GAS = {
  'post, too late, 14 of 21': 81_700,
  'post, too late, 21 of 21': 105_940,
  'finalise, too late': 33_380,
  'takeBack, too late': 43_890,
} as const

const GAS = MEASURED_GAS
const LATE_GAS = MEASURED_LATE_GAS
const LATE_SIGNATURE =
  (LATE_GAS['post, too late, 21 of 21'] - LATE_GAS['post, too late, 14 of 21']) / 7
const PAYEE = each(9, GAS['giveBack, 1 payer'], GAS['giveBack, 10 payers'])

/** What a node does by a transaction. */
export type Write =
  | JudgingDuty
  | Extract<Duty, { kind: 'post' | 'finalise' | 'take-back' | 'give-back' | 'register' | 'accuse' }>

/** A transaction as the mempool takes it: what it does, and what that asks of the L2. */
export function priced(
  write: Write,
): Pick<Transaction, 'duty' | 'what' | 'batch' | 'load' | 'vainGas'> {
  const { duty, kind } = write
  const load = writeLoad(write)
  const vainGas = vainGasOf(write)
  return {
    duty,
    what: kind,
    batch: kind === 'post' ? write.header.number : undefined,
    load,
    vainGas: vainGas === undefined ? load.gas : BigInt(Math.ceil(vainGas)),
  }
}

/** So many payers get their money back. */
export function returnLoad(payers: number): Load {
  return loadOf(returned(payers))
}

function returned(payers: number): Measured {
  return more(GAS['giveBack, 1 payer'], payers - 1, PAYEE)
}

/** What the dearest transactions take that nodes may have to send: a post signed by all of them, or the end of many windows. */
export function dearestGas(validators: number): bigint {
  const loads = [postLoad(validators, 1), finaliseLoad(MAX_FINALISED)]
  return BigInt(Math.max(...loads.map(({ gas }) => Number(gas))))
}

/** Where another was quicker; of what happens seldom there is no figure, and the whole is the most that it can take. */
function vainGasOf(write: Write): number | undefined {
  if (write.kind === 'take-back') return LATE_GAS['takeBack, too late']
  if (write.kind === 'finalise') return LATE_GAS['finalise, too late']
  if (write.kind !== 'post') return undefined
  return LATE_GAS['post, too late, 14 of 21'] + (write.endorsements.length - 14) * LATE_SIGNATURE
}

function writeLoad(write: Write): Load {
  switch (write.kind) {
    case 'post':
      return postLoad(write.endorsements.length, write.charges.length)
    case 'finalise':
      return finaliseLoad(write.headers.length)
    case 'accuse':
      return accusationLoad(write.said[0].message.kind)
    default:
      return loadOf(measuredOf(write))
  }
}

function measuredOf(write: Exclude<Write, { kind: 'post' | 'finalise' | 'accuse' }>): Measured {
  switch (write.kind) {
    case 'take-back':
      return GAS.takeBack
    case 'give-back':
      return returned(write.charges.length)
    case 'register':
      return GAS['register, 1 of 4']
    case 'challenge':
      if (write.openings.length > 0) return GAS['jury: openUnseen, two accused']
      return isPlainlyFalse(write.receipts[write.index]!)
        ? GAS['falseScore, 512 coordinates of a byte']
        : GAS['jury: open']
    case 'punish': {
      // Only the claim that was false is reported; which one that is, the chain knows.
      const passes = Math.max(0, ...write.claims.map((claim) => claim.passes.length))
      return more(GAS.claimedFalsely, passes, GAS.passedFalsely)
    }
    default:
      return BY_KIND[write.kind]
  }
}

const BY_KIND = {
  demand: GAS.demand,
  show: GAS['show, 1 of 4'],
  foreclose: GAS.foreclose,
  draw: GAS['jury: draw 7 of 7 validators'],
  commit: GAS['jury: commit'],
  reveal: GAS['jury: reveal'],
  decide: GAS['jury: decide, three accused'],
  withdraw: GAS['jury: withdraw'],
} as const

/** What no contract judges is sent to none. */
function accusationLoad(kind: string): Load {
  if (kind !== 'claim' && kind !== 'vote') return { gas: 0n, bytes: 0n }
  return loadOf(GAS[kind === 'claim' ? 'claimedTwice' : 'votedTwice'])
}
