/**
 * Answers that the auditors of a ring pass without running them, with a transcript that they make up together. It counts, and
 * they are paid, where they have most of the seats. Whoever has run the answer saw another one and calls a jury over those
 * who opened this (D14); claim, worker and batch are not touched. Who cannot run it to equal bits shows no transcript, and
 * accuses nobody.
 */
import { AUDITORS } from '../../protocol/params.ts'
import type { Economy } from './economy.ts'
import { DECIDING, seatedOfRing } from './seats.ts'

/** Of the seats that somebody has by stake, those that are paid, and those whose checks are made, as shares. */
export interface Part {
  readonly paid: number
  readonly run: number
}

/** In claims, and in seats. */
const NONE = { claims: 0, held: 0, unpaid: 0, othersUnpaid: 0, unrun: 0 }

export class Unseen {
  readonly #of: Economy
  /** Seats of a claim from which on the ring passes it unseen. */
  readonly #from: number
  /** Claims that have been looked at, in all. */
  #claims = 0
  /** Since the last settlement. What the ring held is a mean; where its seats fell together is drawn. */
  #since = { ...NONE }

  constructor(economy: Economy, from: number) {
    this.#of = economy
    this.#from = from
  }

  /** What claims have come since the last time meet auditors by the stakes of now. */
  step(): void {
    const { counts, population, validators, streams } = this.#of
    const claims = counts.jobs - counts.undone - this.#claims
    this.#claims += claims
    this.#since.claims += claims
    this.#since.held += claims * AUDITORS * this.#of.ringPart()
    const own = [...validators.shares.subarray(0, population.ringValidators)]
    const total = validators.total()
    const shares = own.map((open) => open / total)
    const others = 1 - shares.reduce((sum, share) => sum + share, 0)
    const draw = (): number => streams.ring.uint32(0) / 2 ** 32
    for (let claim = 0; claim < claims; claim++) {
      const seated = seatedOfRing(shares, others, draw)
      if (seated.length >= this.#from) this.#pass(seated)
    }
  }

  #pass(seated: readonly number[]): void {
    this.#since.unrun += seated.length
    if (seated.length < DECIDING) {
      this.#since.unpaid += seated.length
      return
    }
    this.#since.othersUnpaid += AUDITORS - seated.length
    this.#accuse(seated)
  }

  /** An honest auditor calls a jury, or who is drawn to check on the spot where there is none. */
  #accuse(seated: readonly number[]): void {
    const { tribunal, streams, scenario } = this.#of
    const hasHonest = seated.length < AUDITORS
    const challenger = hasHonest ? tribunal.honestOne() : tribunal.spotChecker(0)
    if (challenger === undefined || !streams.ring.happens(1, scenario.challenged)) return
    const call = 'jury: openUnseen, two accused'
    if (tribunal.tries({ passedBy: seated }, challenger, 'pass', call) !== 'upheld') return
    tribunal.punish(seated, challenger)
  }

  /** What there was since the last settlement, as parts of what stakes give: the ring's are now `ringPart` of all. */
  settle(ringPart: number): { readonly ring: Part; readonly others: Part } {
    const { claims, held, unpaid, othersUnpaid, unrun } = this.#since
    this.#since = { ...NONE }
    const seats = claims * AUDITORS
    const others = seats - held
    const othersNow = seats * (1 - ringPart)
    return {
      ring: {
        paid: ratio(held - unpaid, seats * ringPart),
        run: ratio(held - unrun, seats * ringPart),
      },
      others: { paid: ratio(others - othersUnpaid, othersNow), run: ratio(others, othersNow) },
    }
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
