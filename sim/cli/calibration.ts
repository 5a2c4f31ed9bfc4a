/** Depth F beside real nodes: the same scenario in both, and how far the model is off. */
import { sizeOf } from '../gossip/bits.ts'
import { GossipRun, type Staging } from '../gossip/gossip-run.ts'
import type { Links } from '../gossip/links.ts'
import type { GossipScenario } from '../gossip/scenario.ts'
import { STEP_US } from '../gossip/tally.ts'
import type { RealRun } from '../real/observed.ts'
import {
  type Distribution,
  distributionOf,
  kolmogorovSmirnov,
  meanOf,
  mixed,
  quantileOf,
  sampled,
  wasserstein,
} from './distributions.ts'

/** How far the model may be off: parts of what is real, of the real mean for `wasserstein`; `reach` is a difference. */
export const BARS = {
  p50Ms: 0.05,
  p90Ms: 0.05,
  p99Ms: 0.05,
  duplicates: 0.1,
  reach: 0.001,
  wasserstein: 0.03,
} as const

/** The bars beside this clock: under virtual time no processor blurs anything, so copies are held closer. */
export function barsOf(clock: RealRun['clock']): Bars {
  return clock === 'virtual' ? { ...BARS, duplicates: 0.05 } : BARS
}

type Bars = Readonly<Record<keyof typeof BARS, number>>

/** Whose mesh the model has: one that it forms by itself, or the one that the real nodes had. */
export const MESHES = ['own', 'measured'] as const
export type MeshOf = (typeof MESHES)[number]

/** What is measured of a run, real or not. */
export interface Measured {
  /** Milliseconds from publication to each delivery. */
  readonly delays: Distribution
  /** Copies beyond the first, a delivery. */
  readonly duplicates: number
  readonly meshDegree: number
  readonly reach: number
}

const FIGURES = {
  p10Ms: ({ delays }) => quantileOf(delays, 0.1),
  p50Ms: ({ delays }) => quantileOf(delays, 0.5),
  p90Ms: ({ delays }) => quantileOf(delays, 0.9),
  p99Ms: ({ delays }) => quantileOf(delays, 0.99),
  duplicates: ({ duplicates }) => duplicates,
  meshDegree: ({ meshDegree }) => meshDegree,
  reach: ({ reach }) => reach,
} as const satisfies Record<string, (measured: Measured) => number>
export type CalibratedFigure = keyof typeof FIGURES
export const CALIBRATED = Object.keys(FIGURES) as CalibratedFigure[]

export interface Judgement {
  /** Those of the runs that are taken together. */
  readonly seeds: readonly number[]
  readonly mesh: MeshOf
  readonly figures: Readonly<Record<CalibratedFigure, { readonly real: number; model: number }>>
  /** Greatest difference of the shares delivered by any time. */
  readonly kolmogorovSmirnov: number
  /** First Wasserstein distance by the real mean. */
  readonly wasserstein: number
  /** Which bars are missed. */
  readonly missed: readonly (keyof typeof BARS)[]
}

/** So many meshes that the model forms over the same links make one expectation: a real run has one of many. */
const DRAWS = 20
/** An event loop later than this share of the dilated median (p99) measures the machine, not the protocol. */
export const LATEST_LOOP = 0.02

/** By how much the event loop was late, by the dilated median delay; more than `LATEST_LOOP` and the run says nothing. */
export function loopDelayOf(run: RealRun): number {
  return run.loopDelayP99Ms / (run.dilation * quantileOf(measuredOf(run).delays, 0.5))
}

export function measuredOf({ deliveries, expected, copies, meshes }: RealRun): Measured {
  return {
    delays: sampled(deliveries.map(([, , delayMs]) => delayMs)),
    duplicates: copies / deliveries.length - 1,
    meshDegree: meshes.reduce((sum, mesh) => sum + mesh.length, 0) / meshes.length,
    reach: deliveries.length / expected,
  }
}

/** The model of what a real run has measured. */
export function modelledOf(run: RealRun, mesh: MeshOf): Measured {
  const { scenario } = run
  if (mesh === 'measured') return modelled(scenario, { meshes: placesOf(run) })
  return together(Array.from({ length: DRAWS }, (_, draw) => modelled(scenario, { draw })))
}

function modelled(scenario: GossipScenario, staging: Staging): Measured {
  const run = new GossipRun(scenario, staging)
  const { duplicates, meshDegree, reach } = run.run()
  const delays = distributionOf(
    Array.from(run.tally.delays, (count, step) => [middleMs(step), count] as const),
  )
  return { delays, duplicates, meshDegree, reach }
}

function middleMs(step: number): number {
  return ((step + 0.5) * STEP_US) / 1000
}

/** Several runs as one. */
export function together(runs: readonly Measured[]): Measured {
  const mean = (of: (run: Measured) => number) =>
    runs.reduce((sum, run) => sum + of(run), 0) / runs.length
  return {
    delays: mixed(runs.map(({ delays }) => delays)),
    duplicates: mean((run) => run.duplicates),
    meshDegree: mean((run) => run.meshDegree),
    reach: mean((run) => run.reach),
  }
}

/** Each node's mesh as the set of its links. */
function placesOf({ scenario, meshes }: RealRun): Int32Array {
  const { first, peers, all }: Links = new GossipRun(scenario).wire.links
  return Int32Array.from(meshes, (mesh, node) => {
    let set = 0
    for (let place = 0; place < sizeOf(all[node]!); place++) {
      if (mesh.includes(peers[first[node]! + place]!)) set |= 1 << place
    }
    return set
  })
}

export function judge(
  seeds: readonly number[],
  mesh: MeshOf,
  real: Measured,
  model: Measured,
  bars: Bars = BARS,
): Judgement {
  const figures = Object.fromEntries(
    CALIBRATED.map((name) => [name, { real: FIGURES[name](real), model: FIGURES[name](model) }]),
  ) as Judgement['figures']
  const moved = wasserstein(real.delays, model.delays) / meanOf(real.delays)
  const off: Record<keyof typeof BARS, number> = {
    ...{ p50Ms: errorOf(figures.p50Ms), p90Ms: errorOf(figures.p90Ms) },
    ...{ p99Ms: errorOf(figures.p99Ms), duplicates: errorOf(figures.duplicates) },
    reach: figures.reach.model - figures.reach.real,
    wasserstein: moved,
  }
  return {
    ...{ seeds, mesh, figures, wasserstein: moved },
    kolmogorovSmirnov: kolmogorovSmirnov(real.delays, model.delays),
    missed: (Object.keys(BARS) as (keyof typeof BARS)[]).filter(
      (name) => !(Math.abs(off[name]) <= bars[name]),
    ),
  }
}

/** How much more the model has than what is real, as a part of that. */
export function errorOf({
  real,
  model,
}: {
  readonly real: number
  readonly model: number
}): number {
  return real === model ? 0 : model / real - 1
}
