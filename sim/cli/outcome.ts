/** What one run hands over: its hash, its figures, and the tables that were asked for. */
import type { Firing } from '../firing.ts'
import type { Depth, Settings } from './keys.ts'
import type { Measure } from './scenario-file.ts'

export interface Order {
  readonly arm: number
  readonly seed: number
  readonly depth: Depth
  readonly settings: Settings
  readonly measure: readonly Measure[]
}

/** Rows of numbers under names; NaN where there is no value. */
export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly number[])[]
}

export interface Outcome {
  readonly arm: number
  readonly seed: number
  readonly hash: string
  readonly figures: Readonly<Record<string, number>>
  readonly tables: Readonly<Partial<Record<Measure, Table>>>
  readonly virtualSeconds: number
  /** At depth P: what the scenario, its mix included, planned for this run, and how often it happened. */
  readonly firing?: Firing
}

/** Those of these tables that were asked for, and that there is something for. */
export function asked(
  { measure }: Order,
  tables: Readonly<Partial<Record<Measure, () => Table | undefined>>>,
): Partial<Record<Measure, Table>> {
  const kept: Partial<Record<Measure, Table>> = {}
  for (const name of measure) {
    const table = tables[name]?.()
    if (table) kept[name] = table
  }
  return kept
}

/** Is told how far a run has come, in virtual seconds. */
export type OnProgress = (virtualSeconds: number) => void
