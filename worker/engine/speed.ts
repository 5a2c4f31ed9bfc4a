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

/** What takes longer is not done twice: loading the graph is little of it. */
const SLOW_MS = 10_000

export const SPEED_PARTS = ['training', 'prefill', 'decode', 'decodeOfEight'] as const

/** `onProgress` is told, again and again, how many of the parts are done and which one is under way. Throws `EngineError`. */
export async function measureSpeed<Part extends keyof Speed>(
  model: Model,
  parts: readonly Part[],
  onProgress: (done: number, part: string) => void,
): Promise<Pick<Speed, Part>> {
  const text = Math.min(TEXT_TOKENS, Math.floor(model.info.contextTokens / 2))
  const written = Math.min(WRITTEN_TOKENS, model.info.contextTokens - text)
  const work: Record<keyof Speed, Work> = {
    training: {
      tokens: STEPS * BATCH * text,
      run: (onStep) => train(model, text, onStep),
    },
    prefill: {
      tokens: STEPS * text,
      run: async (onStep) => {
        for (let step = 0; step < STEPS; step++) {
          onStep()
          await model.prefill({ tokens: tokens(model, text), from: text - 1 })
        }
      },
    },
    decode: { tokens: written, run: (onToken) => write(model, text, written, 1, onToken) },
    decodeOfEight: {
      tokens: TOGETHER * written,
      run: (onToken) => write(model, text, written, TOGETHER, onToken),
    },
  }
  const speed: Partial<Record<Part, number>> = {}
  for (const [done, part] of parts.entries()) {
    const onStep = (): void => onProgress(done, part)
    onStep()
    // The first run also loads the graph.
    let tookMs = await timeMs(work[part], onStep)
    if (tookMs < SLOW_MS) tookMs = await timeMs(work[part], onStep)
    speed[part] = (1000 * work[part].tokens) / tookMs
  }
  return speed as Pick<Speed, Part>
}

interface Work {
  readonly tokens: number
  /** `onStep` is told that it goes on. */
  run(onStep: () => void): Promise<unknown>
}

async function timeMs(work: Work, onStep: () => void): Promise<number> {
  const startedMs = performance.now()
  await work.run(onStep)
  return performance.now() - startedMs
}

function train(model: Model, text: number, onStep: () => void): Promise<unknown> {
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
  return model.train(request, { onStep })
}

/** Answers include their prompts, as an owner's would. */
function write(
  model: Model,
  text: number,
  written: number,
  together: number,
  onToken: () => void,
): Promise<unknown> {
  const answers = Array.from({ length: together }, () => {
    const request = {
      prompt: tokens(model, text),
      maxTokens: written,
      seed: SEED,
      sampler: { temperature: 0.7, topK: 40 },
      stopTokens: [],
    }
    return model.generate(request, { onToken })
  })
  return Promise.all(answers)
}

let texts = 0

/** Never the same text twice: what has been read once may be remembered. */
function tokens(model: Model, count: number): number[] {
  const source = random(SEED, `text ${texts++}`)
  return Array.from({ length: count }, () => source.below(model.info.vocabSize))
}
