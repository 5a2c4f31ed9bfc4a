/** Activations computed again instead of kept: what it saves, and what it costs. */
import type { Figure } from '../figure.ts'
import { inProcess, median, milliseconds } from './measure.ts'
import type { Workbench } from './workbench.ts'

const ROUNDS = 3

interface Measured {
  readonly activationBytes: number
  readonly seconds: number
}

export async function* checkpointing({ directory }: Workbench): AsyncIterable<Figure> {
  const measure = (option: 'yes' | 'no'): Promise<Measured> =>
    inProcess('training-memory.ts', directory, option)
  const taken: Record<'yes' | 'no', Measured[]> = { yes: [], no: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const option of ['yes', 'no'] as const) taken[option].push(await measure(option))
  }
  const of = (option: 'yes' | 'no', field: keyof Measured): number =>
    median(taken[option].map((one) => one[field]))
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  const [bytes, without] = [of('yes', 'activationBytes'), of('no', 'activationBytes')]
  yield {
    name: 'checkpointing, activation memory against without',
    value: bytes / without,
    unit: 'x',
    bar: { atMost: 0.4 },
    note: `${mebibytes(bytes)} against ${mebibytes(without)}, one text of 1,023 tokens`,
  }
  const [seconds, plain] = [of('yes', 'seconds'), of('no', 'seconds')]
  yield {
    name: 'checkpointing, time against without',
    value: seconds / plain,
    unit: 'x',
    bar: { atMost: 1.4 },
    note: `${milliseconds(seconds)} against ${milliseconds(plain)} CPU a step`,
  }
}
