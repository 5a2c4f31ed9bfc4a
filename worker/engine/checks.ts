/** What is asked of numbers before and after they pass through a model. */
import { EngineError } from './errors.ts'
import type { ModelConfig } from './families/model-config.ts'

/** Throws `bad-input` where `tokens` is no text that the model can read. */
export function checkTokens(
  { vocabSize, contextTokens }: ModelConfig,
  tokens: ArrayLike<number>,
  atLeast: number,
  atMost = contextTokens,
): void {
  if (tokens.length < atLeast || tokens.length > atMost) {
    throw new EngineError(
      'bad-input',
      `a text of ${tokens.length} tokens was given; it must have ${atLeast} to ${atMost}`,
    )
  }
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
      throw new EngineError('bad-input', `token ${token} at ${i} is not in 0 .. ${vocabSize - 1}`)
    }
  }
}

/** Throws `not-finite`. */
export function checkFinite(logits: Float32Array, tokens: number): void {
  if (allFinite(logits)) return
  throw new EngineError(
    'not-finite',
    `the logits after ${tokens} tokens are not finite; the adapter may be broken`,
  )
}

/** True where no number is a NaN or an infinity. */
export function allFinite(values: Float32Array): boolean {
  // Zero times a number is zero, unless the number is a NaN or an infinity; a sum is ten times faster than as many calls.
  let poison = 0
  for (let i = 0; i < values.length; i++) poison += values[i]! * 0
  return poison === 0
}
