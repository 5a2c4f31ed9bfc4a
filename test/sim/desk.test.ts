import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { after, before, describe, it } from 'mocha'
import { acceptedClaim } from '../../coordinator-free/assignment.ts'
import type { Effect } from '../../coordinator-free/events.ts'
import { forgetStale } from '../../coordinator-free/forgetting.ts'
import { Core } from '../../coordinator-free/node.ts'
import { type Faults, SMALL, scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

const { handle } = Core.prototype
let checked = 0
let sleeps = 0

/** What a core orders is all that may be started of what falls to it when everything is worked out anew, and nothing else. */
function compare(core: Core, effects: readonly Effect[], nowMs: number): void {
  const judged = effects.find((effect) => effect.kind === 'judge')?.judgement
  if (judged && judged.verdict !== 'accept') return
  const due = core.due(nowMs)
  const left = due.filter(({ mayStart }) => mayStart).map(({ duty }) => duty.duty)
  assert.deepEqual(left, [], 'due, and not ordered')
  for (const effect of effects) {
    // An offer is not worked out again while it is under way, what is said aloud is said once, and beats are no duties.
    if (!('duty' in effect) || effect.kind === 'offer' || effect.duty.startsWith('beat')) continue
    if (effect.kind === 'publish' && effect.aloud) continue
    assert.ok(
      due.some(({ duty }) => isDeepStrictEqual(duty, effect)),
      `${effect.duty} is not due`,
    )
    checked += 1
  }
}

/** Until when each core said that it might sleep, and whether a block would have woken it. */
const asleep = new WeakMap<Core, { untilMs: number; watchesHead: boolean; heads: number }>()

/** Who slept has missed nothing: as long as it may sleep, nothing is due. */
function compareSleep(core: Core, nowMs: number): void {
  const slept = asleep.get(core)
  if (!slept || nowMs >= slept.untilMs) return
  if (slept.watchesHead && core.ledger.changes.heads !== slept.heads) return
  const due = core.due(nowMs).filter(({ mayStart }) => mayStart)
  assert.deepEqual(
    due.map(({ duty }) => duty.duty),
    [],
    'due, and slept through',
  )
  sleeps += 1
}

/** After a tick nothing is left that is to be forgotten. */
function compareForgotten({ ledger }: Core, nowMs: number): void {
  const sizes = (): number[] => [ledger.settled, ledger.envelopes].map(({ size }) => size)
  const before = [...sizes(), ledger.changes.count]
  forgetStale(ledger, nowMs, (jobId) => acceptedClaim(ledger, jobId, nowMs) !== undefined)
  assert.deepEqual([...sizes(), ledger.changes.count], before, 'to be forgotten, and still there')
}

describe('what is kept of duties', () => {
  before(() => {
    Core.prototype.handle = function (event, nowMs) {
      compareSleep(this, nowMs)
      const slept = asleep.get(this)
      const effects = handle.call(this, event, nowMs)
      const isBlock = event.kind === 'chain' && event.fact.kind === 'block'
      if (isBlock && slept && !slept.watchesHead && nowMs < slept.untilMs) {
        assert.deepEqual(effects, [], 'a block woke a node that had not waited for one')
      }
      // What the chain tells is heard to the end first: `compareSleep` sees that nothing is forgotten then.
      if (event.kind !== 'chain') compare(this, effects, nowMs)
      if (event.kind === 'tick') compareForgotten(this, nowMs)
      asleep.set(this, {
        untilMs: this.wakeAtMs(nowMs),
        watchesHead: this.watchesHead,
        heads: this.ledger.changes.heads,
      })
      return effects
    }
  })

  after(() => {
    Core.prototype.handle = handle
  })

  const RUNS: Readonly<Partial<Record<Faults, readonly number[]>>> = {
    swarm: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    lossy: [1],
    crash: [1],
    judged: [1],
    gas: [1, 2, 3, 4],
    parts: [1, 2],
    // In 14 a lie is worked out by the chain, and who signed it is reported.
    bribed: [2, 14],
    storm: [1],
  }
  for (const [faults, seeds] of Object.entries(RUNS)) {
    it(`is what they come to anew, after each event (${faults})`, () => {
      checked = 0
      sleeps = 0
      for (const seed of seeds) {
        const isSmall = ['swarm', 'gas', 'parts'].includes(faults)
        const size = isSmall ? SMALL : { jobs: 6, workloadMs: 30_000 }
        assert.ok(new World(scenario(seed, faults as Faults, size)).run().final)
      }
      assert.ok(checked > 50, `${checked} duties were compared`)
      assert.ok(sleeps > 500, `${sleeps} sleeps were looked at`)
    })
  }

  it('lets go of jobs that nobody did', () => {
    const nobody = { workers: 2, choosyWorkers: 2, validators: 2, jobs: 1 }
    const times = { workloadMs: 5000, healMs: 24 * 60_000 }
    const world = new World(scenario(1, 'calm', { ...nobody, ...times }))
    assert.equal(world.run().settled, 0)
    for (const { core } of world.nodes) assert.equal(core.ledger.jobs.size, 0)
  })
})
