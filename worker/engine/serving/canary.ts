/** Whether an adapter is applied at all: an adapter that was lost on the way gives the base model's answers, and no error. */
import type { Model, ServingAdapter } from '../engine.ts'

const CANARY_TOKENS = 16

/** The largest difference that an adapter makes to the logits of a fixed text; 0 where it does nothing. */
export async function adapterEffect(
  { info, prefill }: Pick<Model, 'info' | 'prefill'>,
  adapter: ServingAdapter,
): Promise<number> {
  const length = Math.min(CANARY_TOKENS, info.contextTokens)
  const tokens = Array.from({ length }, (_, i) => Math.floor((i * info.vocabSize) / length))
  const request = { tokens, from: 0 }
  const [base, adapted] = [await prefill(request), await prefill({ ...request, adapter })]
  return base.logits.reduce(
    (most, logit, i) => Math.max(most, Math.abs(logit - adapted.logits[i]!)),
    0,
  )
}
