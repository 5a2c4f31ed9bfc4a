/** Two folders of results side by side: what differs seed by seed, and by how much. */
import { kindOf, written } from './figures.ts'
import { Refusal } from './refusal.ts'
import type { Results } from './results.ts'
import { type Estimate, estimate, isClear, pairedDifference } from './statistics.ts'
import { bySeed } from './summary.ts'

export interface Difference {
  readonly arm: string
  readonly figure: string
  readonly before: number
  readonly after: number
  /** After less before, over the seeds that both have. */
  readonly difference: Estimate
  /** Whether chance does not explain it. */
  readonly isClear: boolean
}

export interface Comparison {
  /** Runs with the same arm and seed, and how many of these are the same to the last event. */
  readonly pairs: number
  readonly alike: number
  readonly differences: readonly Difference[]
}

/** Throws `Refusal` where nothing can be paired. */
export function compare(before: Results, after: Results): Comparison {
  if (before.study.depth !== after.study.depth) {
    throw new Refusal(`one is of depth ${before.study.depth}, the other of ${after.study.depth}`)
  }
  const differences: Difference[] = []
  let [pairs, alike] = [0, 0]
  before.summary.arms.forEach((arm, index) => {
    const otherIndex = after.summary.arms.findIndex(({ label }) => label === arm.label)
    if (otherIndex < 0) return
    const runs = before.summary.runs.filter(({ arm }) => arm === index)
    const others = after.summary.runs.filter(({ arm }) => arm === otherIndex)
    const hashes = new Map(others.map(({ seed, hash }) => [seed, hash]))
    const paired = runs.filter(({ seed }) => hashes.has(seed))
    pairs += paired.length
    alike += paired.filter(({ seed, hash }) => hashes.get(seed) === hash).length
    for (const figure of Object.keys(arm.figures)) {
      differences.push(
        ...differenceOf(arm.label, figure, bySeed(runs, figure), bySeed(others, figure)),
      )
    }
  })
  if (pairs === 0) {
    throw new Refusal('no arm and seed is in both; give results of the same sweep and seeds')
  }
  return { pairs, alike, differences }
}

function differenceOf(
  arm: string,
  figure: string,
  before: Map<number, number>,
  after: Map<number, number>,
): Difference[] {
  const difference = pairedDifference(after, before)
  if (!difference) return []
  const of = (values: Map<number, number>, others: Map<number, number>) =>
    estimate([...values].filter(([seed]) => others.has(seed)).map(([, value]) => value)).mean
  return [
    {
      ...{ arm, figure, difference },
      before: of(before, after),
      after: of(after, before),
      isClear: isClear(difference),
    },
  ]
}

export function toldComparison(
  { pairs, alike, differences }: Comparison,
  depth: Results['study']['depth'],
): string {
  const changed = differences.filter(({ difference }) => difference.mean !== 0)
  const lines = [`${alike} of ${pairs} paired runs are the same to the last event`]
  for (const { arm, figure, before, after, difference, isClear } of changed) {
    const { title, unit } = kindOf(depth, figure)
    const { mean, low, high } = difference
    const sign = mean > 0 ? '+' : ''
    lines.push(
      `${isClear ? '≠' : '~'} ${arm === '' ? '' : `${arm}: `}${title}: ${written(before)} → ${written(after)} ${unit}, ` +
        `${sign}${written(mean)} [${written(low)}, ${written(high)}]`,
    )
  }
  if (changed.length > 0)
    lines.push('≠ beyond the 95 % interval of paired differences, ~ within it')
  return lines.join('\n')
}
