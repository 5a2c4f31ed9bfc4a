/** How fast this machine trains, reads and writes with a model: measured by the clock, as its owner would see it. */
import { keccak, utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'
import type { Model } from './engine.ts'

/** Tokens a second. */
export interface Speed {
  readonly training: number
  readonly prefill: number
  readonly decode: number
  /** Of eight answers together. */
  readonly decodeOfEight: number
}

const SEED = keccak(utf8('speed'))
/** Long enough to drown what starting a run costs, and short enough for an impatient owner. */
const TEXT_TOKENS = 128
const WRITTEN_TOKENS = 48
const TOGETHER = 8
const BATCH = 4
const STEPS = 4

export const SPEED_PARTS = ['training', 'prefill', 'decode', 'decodeOfEight'] as const
/** Those that depend on what draws answers. */
export const DRAWING_PARTS = ['decode', 'decodeOfEight'] as const

/** `onPart` is told how many of the parts are done. Throws `EngineError`. */
export async function measureSpeed<Part extends keyof Speed>(
  model: Model,
  parts: readonly Part[],
  onPart: (done: number, part: string) => void,
): Promise<Pick<Speed, Part>> {
  const text = Math.min(TEXT_TOKENS, Math.floor(model.info.contextTokens / 2))
  const written = Math.min(WRITTEN_TOKENS, model.info.contextTokens - text)
  const work: Record<keyof Speed, { tokens: number; run: () => Promise<unknown> }> = {
    training: {
      tokens: STEPS * BATCH * text,
      run: () => train(model, text),
    },
    prefill: {
      tokens: STEPS * text,
      run: async () => {
        for (let step = 0; step < STEPS; step++) {
          await model.prefill({ tokens: tokens(model, text), from: text - 1 })
        }
      },
    },
    decode: { tokens: written, run: () => write(model, text, written, 1) },
    decodeOfEight: {
      tokens: TOGETHER * written,
      run: () => write(model, text, written, TOGETHER),
    },
  }
  const speed: Partial<Record<Part, number>> = {}
  for (const [done, part] of parts.entries()) {
    onPart(done, part)
    const { tokens: count, run } = work[part]
    // The first run also loads the graph.
    await run()
    const startedMs = performance.now()
    await run()
    speed[part] = (1000 * count) / (performance.now() - startedMs)
  }
  return speed as Pick<Speed, Part>
}

function train(model: Model, text: number): Promise<unknown> {
  const batch = { tokens: Int32Array.from(tokens(model, BATCH * (text + 1))) }
  const request = {
    state: model.initialState(SEED),
    batches: new Array<typeof batch>(STEPS).fill(batch),
    exampleTokens: text + 1,
    optimiser: {
      learningRate: 1e-4,
      schedule: 'cosine' as const,
      warmupSteps: 0,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-6,
      weightDecay: 0,
    },
    totalSteps: STEPS,
  }
  return model.train(request)
}

/** Answers include their prompts, as an owner's would. */
function write(model: Model, text: number, written: number, together: number): Promise<unknown> {
  const answers = Array.from({ length: together }, () => {
    const request = {
      prompt: tokens(model, text),
      maxTokens: written,
      seed: SEED,
      sampler: { temperature: 0.7, topK: 40 },
      stopTokens: [],
    }
    return model.generate(request)
  })
  return Promise.all(answers)
}

let texts = 0

/** Never the same text twice: what has been read once may be remembered. */
function tokens(model: Model, count: number): number[] {
  const source = random(SEED, `text ${texts++}`)
  return Array.from({ length: count }, () => source.below(model.info.vocabSize))
}
