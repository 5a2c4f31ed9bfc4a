/** A study run within a test. */
import { armsOf } from '../../sim/cli/arms.ts'
import { folderOf, writeResults } from '../../sim/cli/results.ts'
import { ordersOf, runOrder } from '../../sim/cli/runner.ts'
import { parseScenario } from '../../sim/cli/scenario-file.ts'
import { summarise } from '../../sim/cli/summary.ts'

const ENVIRONMENT = {
  repeat: 'npm run sim -- run x',
  node: 'v0',
  platform: 'any',
  threads: 1,
  tookSeconds: 1,
}

/** Runs a study here, and writes its results into a folder. */
export function study(text: string, root: string) {
  const parsed = parseScenario(text)
  const arms = armsOf(parsed)
  const outcomes = ordersOf(parsed, arms).map((order) => runOrder(order))
  const summary = summarise(parsed, arms, outcomes)
  const folder = folderOf(parsed, root)
  writeResults(folder, parsed, summary, outcomes, ENVIRONMENT)
  return { folder, summary, outcomes, parsed, arms }
}
