/** Chances of the seats of a committee, by combinatorics. Seats follow one another: nobody takes two. */
import { AUDITORS, QUORUM_DENOMINATOR, QUORUM_NUMERATOR } from '../../protocol/params.ts'

/** Passes that accept a claim, or fails that reject it: two thirds of the seats. */
export const DECIDING = Math.ceil((AUDITORS * QUORUM_NUMERATOR) / QUORUM_DENOMINATOR)

/** The chances of 0, 1, … of the seats falling to a ring of so many validators of equal stakes that hold so much together. */
export function ringSeats(ringShare: number, ringNodes: number, seats = AUDITORS): number[] {
  let chances = [1]
  const each = ringNodes === 0 ? 0 : ringShare / ringNodes
  for (let seat = 0; seat < seats; seat++) {
    const next = new Array<number>(chances.length + 1).fill(0)
    for (const [held, chance] of chances.entries()) {
      // The others are taken to be many, so that the one who left makes them no poorer.
      const left = Math.max(0, ringShare - held * each)
      const own = left / (1 - held * each)
      next[held + 1]! += chance * own
      next[held]! += chance * (1 - own)
    }
    chances = next
  }
  return chances
}

/** Chances of each validator to have a seat, exactly where they are few; by their share of the stake where they are many. */
export function seatChances(shares: Float64Array): Float64Array {
  const total = shares.reduce((sum, share) => sum + share, 0)
  const chances = shares.map((share) => share / total)
  if (shares.length > EXACT || AUDITORS !== 3 || shares.length <= AUDITORS) {
    return chances.map((chance) => Math.min(1, AUDITORS * chance))
  }
  const second = othersOdds(chances)
  const third = othersPairs(chances)
  return chances.map((chance, member) => chance * (1 + second[member]! + third[member]!))
}

const EXACT = 2000

/** For each the sum, over who might sit first instead, of its odds. */
function othersOdds(first: Float64Array): Float64Array {
  const odds = first.map((chance) => chance / (1 - chance))
  const sum = odds.reduce((total, value) => total + value, 0)
  return odds.map((value) => sum - value)
}

/** For each the sum over pairs of others, who might sit first and second, of what they leave to the rest. */
function othersPairs(first: Float64Array): Float64Array {
  const named = new Float64Array(first.length)
  let sum = 0
  for (let j = 0; j < first.length; j++) {
    const left = 1 - first[j]!
    for (let k = 0; k < first.length; k++) {
      if (k === j) continue
      const pair = (first[j]! * first[k]!) / (left * (left - first[k]!))
      sum += pair
      named[j]! += pair
      named[k]! += pair
    }
  }
  return named.map((pairs) => sum - pairs)
}

/** That one of 2^bits independent tries succeeds. By squaring alone, which is the same in every engine. */
export function chanceInTries(chance: number, bits: number): number {
  let none = 1 - chance
  for (let bit = 0; bit < bits; bit++) none *= none
  return 1 - none
}

/** That at least so many of `seats`, each drawn anew, fall to a share. */
export function atLeastOf(seats: number, least: number, share: number): number {
  let sum = 0
  for (let held = least; held <= seats; held++) {
    let ways = 1
    for (let i = 0; i < held; i++) ways = (ways * (seats - i)) / (i + 1)
    for (let i = 0; i < seats; i++) ways *= i < held ? share : 1 - share
    sum += ways
  }
  return sum
}
