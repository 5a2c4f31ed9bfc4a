/** Depth R: how fast the workers' gossipsub runs under virtual time, whether a seed is a run, and how far depth F is off. */
import { barsOf, errorOf, type Judgement } from '../../sim/cli/calibration.ts'
import type { Figure } from '../figure.ts'
import { here, printed } from './process.ts'

interface Measured {
  readonly hash: string
  readonly arrivals: number
  readonly virtualSeconds: number
  readonly seconds: number
  readonly peakBytes: number
  readonly judgements: readonly Judgement[]
}

const NODES = 1000
/** How the model's meshes form was corrected by seeds 1 and 2. */
const SEED = 3
const BARS = barsOf('virtual')

export async function* virtual(say: (line: string) => void): AsyncIterable<Figure> {
  const few = { nodes: 200, messages: 20, seed: SEED }
  const [first, second] = [await runVirtual(few), await runVirtual(few)]
  yield {
    name: 'depth R: same seed twice: runs that differ',
    ...{ value: first.hash === second.hash ? 0 : 1, unit: '', bar: { atMost: 0 } },
    note: `${few.nodes} nodes, ${first.arrivals} arrivals, hash ${first.hash}`,
  }
  say(`${NODES} nodes …`)
  const many = await runVirtual({ nodes: NODES, messages: 30, seed: SEED })
  yield* speed(many)
  for (const judgement of many.judgements) yield* errors(judgement)
}

function runVirtual(change: object): Promise<Measured> {
  return printed(process.execPath, here('virtual-process.ts'), JSON.stringify(change))
}

function* speed({ virtualSeconds, seconds, arrivals, peakBytes }: Measured): Iterable<Figure> {
  yield {
    name: `depth R: ${NODES} nodes, 1 message/s: virtual time by CPU time`,
    ...{ value: virtualSeconds / seconds, unit: '×', bar: { atLeast: 2.5 } },
    note: `${arrivals} arrivals in ${seconds.toFixed(1)} CPU seconds, with starting the nodes`,
  }
  yield {
    name: `depth R: ${NODES} nodes: most memory resident, a node`,
    ...{ value: peakBytes / NODES / 2 ** 20, unit: 'MiB', bar: { atMost: 0.6 } },
  }
}

function* errors({ mesh, figures, wasserstein, kolmogorovSmirnov }: Judgement): Iterable<Figure> {
  for (const name of ['p50Ms', 'p90Ms', 'p99Ms', 'duplicates'] as const) {
    const { real, model } = figures[name]
    yield {
      name: `error of ${name} beside depth R: ${NODES} nodes, ${mesh} mesh`,
      ...{ value: 100 * Math.abs(errorOf(figures[name])), unit: '%' },
      bar: { atMost: 100 * BARS[name] },
      note: `R ${real.toFixed(2)}, F ${model.toFixed(2)}`,
    }
  }
  yield {
    name: `Wasserstein-1 by the mean beside depth R: ${NODES} nodes, ${mesh} mesh`,
    ...{ value: 100 * wasserstein, unit: '%', bar: { atMost: 100 * BARS.wasserstein } },
    note: `Kolmogorov–Smirnov ${kolmogorovSmirnov.toFixed(3)}; mesh ${figures.meshDegree.real.toFixed(2)} in R, ${figures.meshDegree.model.toFixed(2)} in F`,
  }
}
