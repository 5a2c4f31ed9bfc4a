/** Chances of the seats of a committee: those of audits lie at equal distances by stake, those of juries are drawn each anew. */
import { AUDITORS, QUORUM_DENOMINATOR, QUORUM_NUMERATOR } from '../../protocol/params.ts'

/** Passes that accept a claim, or fails that reject it: two thirds of the seats. */
export const DECIDING = Math.ceil((AUDITORS * QUORUM_NUMERATOR) / QUORUM_DENOMINATOR)
/** Names of a ring. */
const MANY = 50

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

/**
 * Who of a ring has a seat on one claim, in the places where `seatsAmong` would seat them; the others are taken to be many, so
 * that as much of them stands before each of the ring as chance has it. Where the ring's are many as well, it takes long and
 * comes to the same, but for a fiftieth of the chances: there each seat is drawn by itself.
 * @param shares of the stake, by member
 * @param others what is left for the others
 * @param draw gives a part of one, each with the same chance
 */
export function seatedOfRing(
  shares: readonly number[],
  others: number,
  draw: () => number,
): number[] {
  return shares.length > MANY ? seatedOneByOne(shares, draw) : seatedOnWheel(shares, others, draw)
}

function seatedOneByOne(shares: readonly number[], draw: () => number): number[] {
  const seated: number[] = []
  for (let seat = 0; seat < AUDITORS; ) {
    let left = draw()
    const member = shares.findIndex((share) => {
      left -= share
      return left < 0
    })
    if (seated.includes(member)) continue
    if (member >= 0) seated.push(member)
    seat += 1
  }
  return seated
}

function seatedOnWheel(shares: readonly number[], others: number, draw: () => number): number[] {
  const before: number[] = []
  for (let member = 0; member < shares.length; member++) before.push(draw() * others)
  const point = draw()
  const seated: number[] = []
  for (let member = 0; member < shares.length; member++) {
    let from = before[member]!
    for (let other = 0; other < shares.length; other++) {
      if (before[other]! < before[member]!) from += shares[other]!
    }
    // Points of seats lie at whole numbers from here.
    const start = AUDITORS * from - point
    if (Math.ceil(start) < start + AUDITORS * shares[member]!) seated.push(member)
  }
  return seated
}

/** Chances of each validator to have a seat: by its share of the stake, as long as that is below the distance of the seats. */
export function seatChances(shares: Float64Array): Float64Array {
  const total = shares.reduce((sum, share) => sum + share, 0)
  const seats = Math.min(AUDITORS, shares.length)
  return shares.map((share) => Math.min(1, (seats * share) / total))
}

/** That one of so many independent tries succeeds. By products alone, which are the same in every engine. */
export function chanceInTries(chance: number, tries: number): number {
  let none = 1
  for (let left = tries, power = 1 - chance; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) none *= power
    power *= power
  }
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
