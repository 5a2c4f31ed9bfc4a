/** Seeds of the deterministic tests a second of CPU time: small clusters of the whole core under drawn faults. */
import { SMALL, scenario } from '../../sim/scenario.ts'
import { attempt } from '../../sim/trial.ts'
import type { Figure } from '../figure.ts'

const WARM_UP = 40
const SEEDS = 400

export function* dst(): Iterable<Figure> {
  for (let seed = 1; seed <= WARM_UP; seed++) attempt(scenario(seed, 'swarm', SMALL))
  const began = process.cpuUsage()
  let steps = 0
  let failed = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { report, failure } = attempt(scenario(seed, 'swarm', SMALL))
    steps += report?.steps ?? 0
    if (failure) failed += 1
  }
  const { user, system } = process.cpuUsage(began)
  const seconds = (user + system) / 1e6
  yield {
    name: 'deterministic tests',
    value: SEEDS / seconds,
    unit: 'seeds/s',
    bar: { atLeast: 1000 },
    note: `${Math.round(steps / SEEDS)} steps a seed, each with real envelopes and counterfeit signatures`,
  }
  yield {
    name: 'depth P, events a second',
    value: steps / seconds,
    unit: 'events/s',
    bar: { atLeast: 500_000 },
    note: 'the whole core at each: facts merged, and what follows worked out where something changed',
  }
  yield {
    name: 'seeds that failed',
    value: failed,
    unit: '',
    bar: { atMost: 0 },
    note: `of ${SEEDS}`,
  }
}
