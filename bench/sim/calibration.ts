/** Depth F beside real libp2p nodes under dilated time: how far it is off, by the bars of calibration. */
import { scenariosOf } from '../../sim/cli/calibrate.ts'
import { BARS, errorOf, type Judgement, LATEST_LOOP } from '../../sim/cli/calibration.ts'
import { calibrationOf } from '../../sim/cli/calibration-results.ts'
import type { RealRun } from '../../sim/real/observed.ts'
import { runReal } from '../../sim/real/real-run.ts'
import type { Figure } from '../figure.ts'

/** How the model's meshes form was corrected by seed 1. Of a kilobyte, nodes tell each other what they need not send (IDONTWANT). */
const STUDIES = [
  { seeds: '2,3', messageBytes: '256' },
  { seeds: '2,3', messageBytes: '1024' },
] as const
const WORLD = { nodes: '30', dials: '6', messages: '120', intervalMs: '250' } as const
const DILATION = 10

export async function* calibration(say: (line: string) => void): AsyncIterable<Figure> {
  for (const study of STUDIES) {
    const runs: RealRun[] = []
    for (const scenario of scenariosOf({ ...WORLD, ...study })) {
      runs.push(await runReal(scenario, DILATION, say))
    }
    const what = `${WORLD.nodes} nodes, ${study.messageBytes} bytes`
    const { judgements, loopDelays } = calibrationOf(runs, '')
    for (const [seed, late] of Object.entries(loopDelays)) {
      yield {
        name: `event loop late (p99), by the median delay: ${what}, seed ${seed}`,
        ...{ value: 100 * late, unit: '%', bar: { atMost: 100 * LATEST_LOOP } },
        note: 'else the run measures the machine, and is judged by nothing',
      }
    }
    for (const judgement of judgements) yield* figuresOf(what, judgement)
  }
}

function* figuresOf(what: string, judgement: Judgement): Iterable<Figure> {
  const { seeds, mesh, figures, wasserstein, kolmogorovSmirnov } = judgement
  const where = `${what}, ${mesh} mesh, seed ${seeds.join(' + ')}`
  for (const name of ['p50Ms', 'p90Ms', 'p99Ms', 'duplicates'] as const) {
    const { real, model } = figures[name]
    yield {
      name: `error of ${name}: ${where}`,
      ...{ value: 100 * Math.abs(errorOf(figures[name])), unit: '%' },
      bar: { atMost: 100 * BARS[name] },
      note: `real ${real.toFixed(2)}, model ${model.toFixed(2)}`,
    }
  }
  const { real, model } = figures.reach
  yield {
    name: `error of reach: ${where}`,
    ...{ value: 100 * Math.abs(model - real), unit: 'points', bar: { atMost: 100 * BARS.reach } },
    note: `real ${real}, model ${model}`,
  }
  yield {
    name: `Wasserstein-1 by the mean: ${where}`,
    ...{ value: 100 * wasserstein, unit: '%', bar: { atMost: 100 * BARS.wasserstein } },
    note: `Kolmogorov–Smirnov ${kolmogorovSmirnov.toFixed(3)}; mesh ${figures.meshDegree.real.toFixed(2)} real, ${figures.meshDegree.model.toFixed(2)} model`,
  }
}
