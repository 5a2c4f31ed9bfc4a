/** Tokens of several answers that are written at once. */
import type { Model } from '../../worker/engine/engine.ts'
import { SEED, someTokens } from './random-model.ts'

/** Tokens before the clock starts, so that all answers are under way, and after it stops, so that none has ended. */
const MARGIN = 4
let prompts = 0

/** CPU seconds for one more token of each of `batch` answers, after prompts of `past` tokens that were never seen. */
export async function decodeSeconds(
  model: Model,
  batch: number,
  past: number,
  steps: number,
): Promise<number> {
  const written = new Array<number>(batch).fill(0)
  let from: number | undefined
  let to: number | undefined
  const cpu = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  const onToken = (row: number): void => {
    written[row]!++
    const least = Math.min(...written)
    if (from === undefined && least >= MARGIN) from = cpu()
    if (to === undefined && least >= MARGIN + steps) to = cpu()
  }
  await Promise.all(
    written.map((_, row) => {
      const request = {
        prompt: someTokens(past, `prompt ${prompts++}`),
        // Those that began first write on until the last has caught up.
        maxTokens: steps + 2 * MARGIN + 8 * batch,
        seed: SEED,
        sampler: { temperature: 0, topK: 1 },
        stopTokens: [],
      }
      return model.generate(request, { onToken: () => onToken(row) })
    }),
  )
  if (from === undefined || to === undefined)
    throw new Error('the answers were never all under way')
  return (to - from) / steps
}
