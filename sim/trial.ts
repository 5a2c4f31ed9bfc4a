/** One scenario run to its end, whatever that is. */
import type { Scenario } from './scenario.ts'
import { type Report, type Watch, World } from './world.ts'

/** `broken`: something happened that must never happen. `stuck`: a job did not find its end after all faults were healed. */
export interface Failure {
  readonly kind: 'broken' | 'stuck'
  readonly message: string
}

export interface Outcome {
  /** None where the run was cut short. */
  readonly report?: Report
  readonly failure?: Failure
}

/** @param trace is given a line for each effect of each node */
export function attempt(scenario: Scenario, trace?: (line: string) => void): Outcome {
  const watch = trace && ((...seen: Parameters<Watch>) => trace(lineOf(...seen)))
  const world = new World(scenario, watch)
  try {
    const report = world.run()
    if (report.final) return { report }
    const message = `${report.settled} of ${report.jobs} jobs found their end`
    return { report, failure: { kind: 'stuck', message } }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { failure: { kind: 'broken', message } }
  }
}

function lineOf(...[atMs, { options }, effect]: Parameters<Watch>): string {
  const who = `${options.role} ${options.index}`
  const what = 'duty' in effect ? effect.duty : 'judgement' in effect ? effect.judgement.reason : ''
  return `${(atMs / 1000).toFixed(3)} ${who}: ${effect.kind} ${what}`
}
