/**
 * What a ring of one worker and some validators may do instead of its duty. Each says in words what it does, and whose year
 * is compared with an honest one. Chances are drawn in `tribunal.ts` and `unseen.ts`; nothing here says how often anybody is
 * caught.
 */
import { AUDITORS } from '../../protocol/params.ts'
import type { Economy } from './economy.ts'
import { chanceInTries, DECIDING, ringSeats } from './seats.ts'
import type { Heard } from './tribunal.ts'

export interface Strategy {
  readonly what: string
  /** Who of the ring does otherwise than honest nodes do: its profit is told. */
  readonly actors: 'worker' | 'validators' | 'ring'
  /** Nodes among which the ring's stake lies when it does this, and when it is honest: [workers, validators]. */
  readonly nodes: readonly [number, number]
  readonly honestNodes: readonly [number, number]
  /** True where the ring's validators pass whatever it signs; else they are honest. */
  readonly colludes?: true
  /** How many seats of a claim the ring's validators must have to pass it without running it; undefined where they never do. */
  readonly unseenFrom?: number
  /** A job whose turn has come to a worker of the ring. */
  work(economy: Economy, worker: number): void
  everyEpoch?(economy: Economy): void
}

/** Owners under whose names the ring's validators stand: it needs a quorum of auditors, and one more for all of them. */
const RING = [1, 3] as const
const EPOCHS_A_DAY = 24

const work = (economy: Economy, worker: number): void => economy.work(worker)
const asOne = { nodes: RING, honestNodes: RING } as const

export const HONEST: Strategy = {
  what: 'Does its jobs, runs what it audits, and calls a jury where it is outvoted.',
  ...{ actors: 'ring', ...asOne, work },
}

export const STRATEGIES = {
  lazy: {
    what: 'At a part of its jobs (cheatRate) hands in what a smaller model or no adapter wrote, for a tenth of the cost, and hopes that its auditors miss it. It knows none of them. Voted down, it is not paid and not fined.',
    ...{ actors: 'worker', ...asOne },
    work(economy, worker) {
      if (economy.streams.ring.happens(0, economy.scenario.cheatRate)) cheat(economy, worker)
      else economy.work(worker)
    },
  },
  skimping: {
    what: 'At a part of its jobs (cheatRate), all of them fine-tunes, trains no more than a part (cheapCost) of the segments and makes up the states of the others. Each auditor repeats one segment, drawn for it alone; where they disagree, others repeat what failed. No jury is called over it, for each of its jurors, too, would see another segment.',
    ...{ actors: 'worker', ...asOne },
    work(economy, worker) {
      if (economy.streams.ring.happens(0, economy.scenario.cheatRate)) skimp(economy, worker)
      else economy.work(worker)
    },
  },
  copying: {
    what: 'Lets its turn go, waits for the next worker’s claim, and signs the same result as its own. Auditors look at claims made in turn; one that comes later they look at only if that one fails.',
    ...{ actors: 'worker', ...asOne },
    work: (economy, worker) => void economy.pass(worker),
  },
  'good, then cheating': {
    what: 'Is honest for half the year, then cheats at every job as the lazy one does. No reputation is to be spent: every claim is audited by as many, whoever signed it.',
    ...{ actors: 'worker', ...asOne },
    work(economy, worker) {
      if (economy.epoch * 2 < economy.scenario.epochs) economy.work(worker)
      else cheat(economy, worker)
    },
  },
  colluding: {
    what: 'Cheats at every job, with validators of its own or bribed ones (ringShare of the stake, under other owners’ names) who pass whatever it signs. Which seats they get is luck. An honest auditor who is outvoted calls a jury, where the ring’s jurors say pass. Bribes stay in the ring, so none makes it richer.',
    ...{ actors: 'ring', ...asOne, colludes: true, work: cheat },
  },
  grinding: {
    what: 'As colluding, but cheats only where it likes the draw: at jobs of which its own validators are all the auditors, as it knows beforehand. Trying other claims does not change who sits. Where others sit, it works honestly.',
    ...{ actors: 'ring', ...asOne, colludes: true },
    work(economy, worker) {
      const all = ringSeats(economy.scenario.ringShare, economy.population.ringValidators).at(-1)!
      if (economy.streams.ring.happens(0, all)) paidUnseen(economy, worker)
      else economy.work(worker)
    },
  },
  denouncing: {
    what: 'Once a month (denouncedEpochs) makes a false claim at a job of which its own validators are a quorum of the auditors, calls the jury against itself as soon as the claim stands in a batch, and hopes for a part of what others lose. Those who endorsed the batch, as the rules told them to, lose nothing by a jury’s verdict; its proposer loses its bond.',
    ...{ actors: 'ring', ...asOne, colludes: true, work },
    everyEpoch: denounce,
  },
  griefing: {
    what: 'Refuses every second job, or lets its turn run out. Nobody fines that: it loses its pay, and the payer some seconds.',
    ...{ actors: 'worker', ...asOne },
    work(economy, worker) {
      if (economy.streams.ring.happens(0, 1 / 2))
        economy.counts.refused += Number(economy.pass(worker) !== undefined)
      else economy.work(worker)
    },
  },
  withholding: {
    what: 'Proposes batches whose data it gives to its own validators only. Who cannot fetch the data does not endorse; where the ring alone is two thirds, somebody asks for a receipt, none is shown, and proposer and endorsers pay.',
    ...{ actors: 'validators', ...asOne, work },
    everyEpoch: withhold,
  },
  equivocating: {
    what: 'Its validators once a day sign both verdicts on one claim, which earns them nothing; validators report it in turn.',
    ...{ actors: 'validators', ...asOne, work },
    everyEpoch(economy) {
      if (economy.epoch % EPOCHS_A_DAY !== 0) return
      const { tribunal, population, validators, scenario } = economy
      for (let validator = 0; validator < population.ringValidators; validator++) {
        const bps = scenario.governed.equivocationSlashBps
        const reporter = tribunal.honestOne()
        economy.transactions.send(reporter, 'votedTwice')
        tribunal.slash(validators, validator, bps, reporter)
      }
    },
  },
  'passing unseen': {
    what: 'Its validators pass whatever answers they audit without running them, with a transcript that they make up together. It counts, and is paid, only where they have most of the seats. There an honest auditor, or who checks on the spot, has seen another and calls a jury over them; and they risk that a false claim of somebody else’s (falseClaims of all) is accepted by them and a jury finds out.',
    ...passing(1),
  },
  'passing unseen where it has most seats': {
    what: 'As passing unseen, but only where its validators have most of the seats, as they know beforehand. Elsewhere they look.',
    ...passing(DECIDING),
  },
  'passing unseen where it has all seats': {
    what: 'As passing unseen, but only where its validators have all seats, so that nobody else has looked but who checks on the spot.',
    ...passing(AUDITORS),
  },
  'splitting a worker': {
    what: 'Lays a worker’s stake in eight nodes under eight names.',
    ...{ actors: 'worker', nodes: [8, 3], honestNodes: RING, work },
  },
  'splitting a validator': {
    what: 'Lays a validator’s stake (ringShare of all) in five nodes under five names: one node has one seat of an audit at the most.',
    ...{ actors: 'validators', nodes: [1, 5], honestNodes: [1, 1], work },
  },
} as const satisfies Record<string, Strategy>

/** A false claim at a tenth of the cost, before auditors drawn by luck. */
function cheat(economy: Economy, worker: number): void {
  const { tribunal, workers } = economy
  workers.cheap[worker]! += 1
  const heard = tribunal.hear()
  if (!heard.isAccepted) {
    economy.counts.rejected += 1
    economy.pass(worker)
    return
  }
  if (isUndone(economy, worker, heard)) return
  economy.counts.falsePaid += 1
  economy.payAudited(worker, heard.passedBy)
}

/** A fine-tune in part, before auditors drawn by luck. */
function skimp(economy: Economy, worker: number): void {
  economy.workers.cheap[worker]! += 1
  const { isAccepted, passedBy } = economy.tribunal.hearInPart()
  if (isAccepted) {
    economy.counts.falsePaid += 1
    economy.payAudited(worker, passedBy)
  } else {
    economy.counts.rejected += 1
    economy.pass(worker)
  }
}

/** An honest auditor who was outvoted, or who checks on the spot, calls a jury; true where the claim is taken back. */
function isUndone(economy: Economy, worker: number | undefined, heard: Heard): boolean {
  const { tribunal, streams, scenario } = economy
  const challenger = heard.failedBy[0] ?? tribunal.spotChecker(scenario.miss)
  if (challenger === undefined || !streams.ring.happens(1, scenario.challenged)) return false
  if (tribunal.tries(heard, challenger, 'pass') !== 'upheld') return false
  tribunal.condemn(worker, heard, challenger)
  return true
}

/** The ring's own auditors only, who take turns: nobody else looks, but who is drawn for it afterwards. */
function paidUnseen(economy: Economy, worker: number): void {
  const { ringValidators } = economy.population
  const first = economy.workers.cheap[worker]!
  const own = Array.from({ length: AUDITORS }, (_, seat) => (first + seat) % ringValidators)
  economy.workers.cheap[worker]! += 1
  if (isUndone(economy, worker, { passedBy: own, failedBy: [], isAccepted: true })) return
  economy.counts.falsePaid += 1
  economy.payAudited(worker, own)
}

function denounce(economy: Economy): void {
  const { tribunal, population, scenario, streams, workers } = economy
  if (economy.epoch % scenario.denouncedEpochs !== 0) return
  const chances = ringSeats(scenario.ringShare, population.ringValidators)
  const quorum = chances.slice(DECIDING).reduce((sum, chance) => sum + chance, 0)
  const jobs = Math.round(scenario.jobsAWorker * scenario.denouncedEpochs)
  if (!streams.ring.happens(0, chanceInTries(quorum, jobs))) return
  workers.cheap[0]! += 1
  const heard = { passedBy: [0, 1].slice(0, DECIDING), failedBy: [], isAccepted: true }
  const reporter = population.ringValidators - 1
  if (tribunal.tries(heard, reporter, 'fail') !== 'upheld') return
  tribunal.condemn(0, heard, reporter)
}

function withhold(economy: Economy): void {
  const { tribunal, population, validators, scenario, streams } = economy
  if (economy.epoch % EPOCHS_A_DAY !== 0) return
  const own = validators.shares.subarray(0, population.ringValidators)
  const ringOpen = own.reduce((sum, share) => sum + share, 0)
  if (ringOpen * 3 < validators.total() * 2) return
  if (!streams.ring.happens(1, scenario.challenged)) return
  const challenger = tribunal.honestOne()
  economy.transactions.send(challenger, 'demand', 'foreclose')
  const passedBy = [...own.keys()]
  tribunal.condemn(undefined, { passedBy, failedBy: [], isAccepted: true }, challenger)
}

/** What those do who pass answers unseen where they have so many seats of a claim. */
function passing(unseenFrom: number): Omit<Strategy, 'what'> {
  const everyEpoch = (economy: Economy): void => passFalse(economy, unseenFrom)
  return { actors: 'validators', ...asOne, work, colludes: true, unseenFrom, everyEpoch }
}

/** Some of the claims that the ring does not look at are false. */
function passFalse(economy: Economy, unseenFrom: number): void {
  const { tribunal, scenario, population, streams } = economy
  const claims = scenario.jobsAWorker * population.workers * scenario.falseClaims
  const whole = Math.floor(claims) + Number(streams.ring.happens(0, claims % 1))
  for (let claim = 0; claim < whole; claim++) {
    const seated = tribunal.seats()
    if (seated.filter((validator) => tribunal.isRing(validator)).length < unseenFrom) continue
    const heard = tribunal.hear(seated)
    if (heard.isAccepted) isUndone(economy, undefined, heard)
  }
}
