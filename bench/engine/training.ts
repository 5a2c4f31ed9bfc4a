/** Training steps, with and without per-sample gradients, against PyTorch and PEFT. */
import type { Model } from '../../worker/engine/engine.ts'
import type { TrainingState } from '../../worker/engine/lora.ts'
import type { Figure } from '../figure.ts'
import { alternate, cpuSeconds, milliseconds } from './measure.ts'
import { LORA, OPTIMISER, SEED, someTokens } from './random-model.ts'
import { NO_PEER, type Workbench } from './workbench.ts'

const BATCH = 4
const TOKENS = 128
const RANK = 16
const STEPS = 4
const ROUNDS = 3
/** Of the projections that features are taken by, as fine-tune jobs take them. */
const WIDTH = 8

export async function* training({ open, peer }: Workbench): AsyncIterable<Figure> {
  const model = await open({ ...LORA, rank: RANK, alpha: 2 * RANK })
  // Drawn once a job, as on the other side.
  const state = model.initialState(SEED)
  await trainingSteps(model, state, 1)
  await features(model, state)
  await peer?.call('adapters', 1, RANK)
  const seconds = await alternate(ROUNDS, {
    ours: () => cpuSeconds(() => trainingSteps(model, state, STEPS)),
    torch: async () => (await peer?.call('train', BATCH, TOKENS, STEPS)) ?? 0,
    features: () => cpuSeconds(() => features(model, state)),
  })
  await peer?.call('remove_adapters')
  const step = seconds.ours / STEPS
  const conditions = `batch ${BATCH} x ${TOKENS} tokens, LoRA rank ${RANK} on all projections`
  yield {
    name: 'training tokens/s against PyTorch + PEFT',
    value: peer && seconds.torch / seconds.ours,
    unit: 'x',
    bar: { atLeast: 1.1 },
    note: peer
      ? `${milliseconds(step)} against ${milliseconds(seconds.torch / STEPS)} CPU a step; ${conditions}`
      : NO_PEER,
  }
  yield {
    name: 'training speed',
    value: (BATCH * TOKENS) / step,
    unit: 'tokens/CPU s',
    note: conditions,
  }
  yield {
    name: 'per-sample gradients, extra cost of a step',
    value: 100 * (seconds.features / step - 1),
    unit: '%',
    bar: { atMost: 10 },
    note: `${milliseconds(seconds.features)} against ${milliseconds(step)}; projected to ${WIDTH} a side`,
  }
}

export async function trainingSteps(
  model: Model,
  state: TrainingState,
  steps: number,
): Promise<void> {
  const tokens = Int32Array.from(someTokens(BATCH * (TOKENS + 1), 'training'))
  await model.train({
    state,
    batches: Array.from({ length: steps }, () => ({ tokens })),
    exampleTokens: TOKENS + 1,
    optimiser: OPTIMISER,
    totalSteps: 100,
  })
}

async function features(model: Model, { theta }: TrainingState): Promise<void> {
  const examples = Array.from({ length: BATCH }, (_, index) =>
    Int32Array.from(someTokens(TOKENS + 1, `example ${index}`)),
  )
  await model.features({ adapter: theta, examples, projectionSeed: SEED, width: WIDTH })
}
