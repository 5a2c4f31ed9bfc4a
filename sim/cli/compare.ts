/** Two folders of results side by side: what differs seed by seed, and how far their distributions are apart. */
import { kolmogorovSmirnov, meanOf, wasserstein } from './distributions.ts'
import { kindOf, written } from './figures.ts'
import { Refusal } from './refusal.ts'
import type { Results } from './results.ts'
import { type Estimate, estimate, isClear, pairedDifference } from './statistics.ts'
import { distributionsOf, KINDS, type Kind } from './study-distributions.ts'
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

/** How far a distribution of an arm, over the seeds that both have, is from the same of the other folder. */
export interface Distance {
  readonly arm: string
  readonly kind: Kind
  readonly kolmogorovSmirnov: number
  /** First Wasserstein distance, in the distribution's unit, and by the mean before. */
  readonly wasserstein: number
  readonly byMean: number
}

export interface Comparison {
  /** Runs with the same arm and seed, and how many of these are the same to the last event. */
  readonly pairs: number
  readonly alike: number
  readonly differences: readonly Difference[]
  readonly distances: readonly Distance[]
}

/** An arm that both folders have, with the seeds that it has in both. */
export interface Pair {
  readonly label: string
  readonly arm: number
  readonly otherArm: number
  readonly seeds: readonly number[]
}

export function pairsOf(before: Results, after: Results): Pair[] {
  return before.summary.arms.flatMap(({ label }, arm) => {
    const otherArm = after.summary.arms.findIndex((other) => other.label === label)
    const seeds = seedsOf(before, arm).filter((seed) => seedsOf(after, otherArm).includes(seed))
    return seeds.length === 0 ? [] : [{ label, arm, otherArm, seeds }]
  })
}

function seedsOf({ summary }: Results, wanted: number): number[] {
  return summary.runs.filter(({ arm }) => arm === wanted).map(({ seed }) => seed)
}

/** Throws `Refusal` where nothing can be paired. */
export function compare(before: Results, after: Results): Comparison {
  if (before.study.depth !== after.study.depth) {
    throw new Refusal(`one is of depth ${before.study.depth}, the other of ${after.study.depth}`)
  }
  const paired = pairsOf(before, after)
  if (paired.length === 0) {
    throw new Refusal('no arm and seed is in both; give results of the same sweep and seeds')
  }
  const differences: Difference[] = []
  let [pairs, alike] = [0, 0]
  for (const { label, arm, otherArm, seeds } of paired) {
    const runs = before.summary.runs.filter((run) => run.arm === arm)
    const others = after.summary.runs.filter((run) => run.arm === otherArm)
    const hashes = new Map(others.map(({ seed, hash }) => [seed, hash]))
    pairs += seeds.length
    alike += runs.filter(({ seed, hash }) => hashes.get(seed) === hash).length
    for (const figure of Object.keys(before.summary.arms[arm]!.figures)) {
      differences.push(...differenceOf(label, figure, bySeed(runs, figure), bySeed(others, figure)))
    }
  }
  const distances = paired.flatMap((pair) => distancesOf(before, after, pair))
  return { pairs, alike, differences, distances }
}

function distancesOf(before: Results, after: Results, pair: Pair): Distance[] {
  const found = distributionsOf(before, pair.arm, pair.seeds)
  const others = distributionsOf(after, pair.otherArm, pair.seeds)
  return [...found].flatMap(([kind, one]) => {
    const other = others.get(kind)
    if (!other) return []
    const moved = wasserstein(one, other)
    return [
      {
        ...{ arm: pair.label, kind, wasserstein: moved, byMean: moved / meanOf(one) },
        kolmogorovSmirnov: kolmogorovSmirnov(one, other),
      },
    ]
  })
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
  { pairs, alike, differences, distances }: Comparison,
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
  for (const { arm, kind, kolmogorovSmirnov, wasserstein, byMean } of distances) {
    const { title, unit } = KINDS[kind]
    if (wasserstein === 0) continue
    lines.push(
      `${arm === '' ? '' : `${arm}: `}${title}: Kolmogorov–Smirnov ${kolmogorovSmirnov.toFixed(3)}, ` +
        `Wasserstein-1 ${written(wasserstein)} ${unit}, ${(100 * byMean).toFixed(1)} % of the mean`,
    )
  }
  return lines.join('\n')
}
