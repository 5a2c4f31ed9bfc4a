/** What a virtual node does before the judges. Its ballots, like its journal, outlive a crash. */
import type { Duty, Event } from '../coordinator-free/events.ts'
import type { Address } from '../protocol/fields.ts'
import { type Hash, keccakHash, utf8, word } from '../protocol/hash.ts'
import { verdictSeal } from '../protocol/jury.ts'
import type { Random } from '../protocol/prng.ts'
import type { Verdict } from '../protocol/vote.ts'
import type { FakeChain } from './chain.ts'
import { Reverted } from './contract.ts'
import type { Court } from './court.ts'
import { isPlainlyFalse } from './work.ts'

export type JudgingDuty = Extract<
  Duty,
  {
    kind:
      | 'demand'
      | 'show'
      | 'foreclose'
      | 'challenge'
      | 'draw'
      | 'commit'
      | 'reveal'
      | 'decide'
      | 'withdraw'
      | 'punish'
  }
>

interface Ballot {
  readonly verdict: Verdict
  readonly salt: Hash
}

export class Judging {
  readonly #self: Address
  readonly #dice: Random
  readonly #ballots = new Map<number, Ballot>()

  constructor(self: Address, dice: Random) {
    this.#self = self
    this.#dice = dice
  }

  /** What it has found as a juror; what it sealed in an earlier life stands. */
  found(number: number, verdict: Verdict): Event {
    return { kind: 'heard', number, verdict: this.#ballots.get(number)?.verdict ?? verdict }
  }

  call({ court }: FakeChain, duty: JudgingDuty): void {
    switch (duty.kind) {
      case 'demand':
        court.demand(this.#self, duty.header, duty.index, duty.bondWei)
        break
      case 'show':
        court.show(duty)
        break
      case 'foreclose':
        court.foreclose(duty.header, duty.index)
        break
      case 'challenge':
        if (duty.openings.length > 0)
          court.openUnseen(this.#self, duty, duty.openings, duty.bondWei)
        else if (isPlainlyFalse(duty.receipts[duty.index]!)) court.prove(duty)
        else court.open(this.#self, duty, duty.bondWei)
        break
      case 'draw':
        court.draw(duty.number)
        break
      case 'commit':
        court.commit(this.#self, duty.number, this.#seal(duty.number, duty.verdict))
        break
      case 'reveal':
        this.#reveal(court, duty.number)
        break
      case 'decide':
        court.decide(duty.number)
        break
      case 'withdraw':
        court.withdraw(this.#self)
        break
      case 'punish':
        court.punish(duty.header, duty.claims)
    }
  }

  /** What the core is told when the chain has done it, or another was quicker. */
  done(duty: JudgingDuty): Event {
    if (duty.kind === 'withdraw') return { kind: 'withdrawn' }
    if (duty.kind === 'punish') return { kind: 'punished', header: duty.header }
    return { kind: 'duty-done', duty: duty.duty }
  }

  #reveal(court: Court, number: number): void {
    const ballot = this.#ballots.get(number)
    if (!ballot) throw new Reverted('WrongReveal')
    court.reveal(this.#self, number, ballot.verdict, ballot.salt)
  }

  /** What was sealed once stands. */
  #seal(number: number, verdict: Verdict): Hash {
    const held = this.#ballots.get(number)
    const fresh = held ?? { verdict, salt: keccakHash(utf8('salt'), word(this.#dice.uint32())) }
    this.#ballots.set(number, fresh)
    return verdictSeal(number, this.#self, fresh.verdict, fresh.salt)
  }
}
