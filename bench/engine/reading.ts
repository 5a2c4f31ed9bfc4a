/** Reading prompts and writing answers with the base model, against PyTorch. */
import type { Figure } from '../figure.ts'
import { alternate, cpuSeconds, milliseconds } from './measure.ts'
import { someTokens } from './random-model.ts'
import { NO_PEER, type Workbench } from './workbench.ts'
import { decodeSeconds } from './writing.ts'

const PROMPT = 512
const PAST = 256
const STEPS = 32
const ROUNDS = 3

export async function* reading({ open, peer }: Workbench): AsyncIterable<Figure> {
  const model = await open()
  const tokens = someTokens(PROMPT, 'prompt')
  const prefill = () => model.prefill({ tokens, from: PROMPT - 1 })
  await prefill()
  const seconds = await alternate(ROUNDS, {
    ours: () => cpuSeconds(prefill),
    torch: async () => (await peer?.call('prefill', 1, PROMPT, 1)) ?? 0,
  })
  yield {
    name: 'prefill against PyTorch',
    value: peer && seconds.torch / seconds.ours,
    unit: 'x',
    bar: { atLeast: 1 },
    note: peer
      ? `${milliseconds(seconds.ours)} against ${milliseconds(seconds.torch)} CPU for ${PROMPT} tokens`
      : NO_PEER,
  }
  for (const [batch, bar] of [
    [1, 1.05],
    [8, 1.9],
  ] as const) {
    const step = await alternate(ROUNDS, {
      ours: () => decodeSeconds(model, batch, PAST, STEPS),
      torch: async () => ((await peer?.call('decode', batch, PAST, STEPS)) ?? 0) / STEPS,
    })
    yield {
      name: `decode at batch ${batch} against PyTorch`,
      value: peer && step.torch / step.ours,
      unit: 'x',
      bar: { atLeast: bar },
      note: peer
        ? `${milliseconds(step.ours)} against ${milliseconds(step.torch)} CPU a step, past ${PAST}`
        : NO_PEER,
    }
  }
}
