/** The same model with 4 bits a weight: how fast it answers and trains, and what it weighs. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantiseModel } from '../../worker/engine/files/quantise.ts'
import type { Figure } from '../figure.ts'
import { alternate, cpuSeconds, milliseconds } from './measure.ts'
import { LORA, SEED } from './random-model.ts'
import { trainingSteps } from './training.ts'
import type { Workbench } from './workbench.ts'
import { decodeSeconds } from './writing.ts'

const PAST = 256
const STEPS = 32
const ROUNDS = 3
const FILE = 'model.safetensors'

export async function* quantised({ directory, engine }: Workbench): AsyncIterable<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-bench-'))
  try {
    await quantiseModel(directory, folder, 4, () => {})
    const plain = await engine.open(directory, LORA)
    const packed = await engine.open(folder, LORA)
    for (const batch of [1, 8]) {
      const step = await alternate(ROUNDS, {
        plain: () => decodeSeconds(plain, batch, PAST, STEPS),
        packed: () => decodeSeconds(packed, batch, PAST, STEPS),
      })
      yield {
        name: `decode at batch ${batch} with 4 bits a weight, against 32`,
        value: step.plain / step.packed,
        unit: 'x',
        note: `${milliseconds(step.packed)} against ${milliseconds(step.plain)} CPU a step, past ${PAST}`,
      }
    }
    const state = plain.initialState(SEED)
    await trainingSteps(plain, state, 1)
    await trainingSteps(packed, state, 1)
    const training = await alternate(ROUNDS, {
      plain: () => cpuSeconds(() => trainingSteps(plain, state, 1)),
      packed: () => cpuSeconds(() => trainingSteps(packed, state, 1)),
    })
    const bytes = async (path: string): Promise<number> => (await stat(join(path, FILE))).size
    const [after, before] = [await bytes(folder), await bytes(directory)]
    yield {
      name: 'training an adapter over 4 bits a weight, against 32',
      value: training.plain / training.packed,
      unit: 'x',
      note: `${milliseconds(training.packed)} against ${milliseconds(training.plain)} CPU a step; file ${Math.round(after / 1e6)} MB against ${Math.round(before / 1e6)} MB`,
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
