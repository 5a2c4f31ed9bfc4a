import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { keccak, utf8 } from '../../../protocol/hash.ts'
import { FineTuneSpec } from '../../../protocol/tuning.ts'
import { checkTune } from '../../../worker/effects/check-tune.ts'
import { paddedBatch } from '../../../worker/effects/tuning.ts'
import type { Model } from '../../../worker/engine/engine.ts'
import { keyNumber } from '../../harness/messages.ts'
import { SEED, TUNE_ID, Workshop } from '../../harness/workshop.ts'
import { OPTIMISER, relativeError } from '../engine/fixtures.ts'

const STATE_SEED = utf8('short texts, 32 bytes of a seed.')
const FISH = ['pike', 'perch', 'carp', 'tench', 'bream', 'roach', 'chub', 'dace']
/** Questions and answers, none as long as an example may be. */
const NOTES = FISH.flatMap((fish) => [
  `Where does the ${fish} live? In slow water, under roots, out of the wind.`,
  `When does the ${fish} spawn? In May, once the water is warm, as all its kin do.`,
  `What does the ${fish} eat? Worms, snails, and whatever falls into the river.`,
])

describe('texts that are shorter than an example', () => {
  let shop: Workshop
  let model: Model
  const { signal } = new AbortController()
  const lora = { rank: 4, alpha: 8, targets: ['q', 'v', 'down'] as const }

  before(async () => {
    shop = await Workshop.open(NOTES, { exampleTokens: 96 })
    model = (await shop.knowledge.base(shop.model, { ...lora, targets: [...lora.targets] })).model
  })

  after(() => shop.close())

  it('are trained on whole, checked, and have a share in answers', async () => {
    const { content, knowledge, tuneJob, tuned } = shop
    const spec = await content.get(FineTuneSpec, tuneJob.input, { signal })
    const corpus = await knowledge.corpus(shop.model, spec, SEED, signal)
    deepEqual(
      corpus.examples.map(({ contribution }) => contribution),
      NOTES.map((_, number) => number),
    )
    ok(corpus.examples.every(({ tokens }) => tokens.length < spec.exampleTokens))
    for (const label of ['a', 'b', 'c']) {
      const options = { signal, seed: SEED, beacon: keccak(utf8(label)) }
      const claim = shop.claim(TUNE_ID, tuned)
      equal((await checkTune(knowledge, content, tuneJob, claim, options)).verdict, 'pass')
    }
    const { shares } = (await shop.reply()).attribution
    const owners = new Set(NOTES.map((_, number) => keyNumber(100 + number).address))
    ok(shares.length > 0 && shares.every(({ contributor }) => owners.has(contributor)))
  })

  it('are learnt as if nothing stood behind them', async () => {
    const texts = [NOTES[0]!, NOTES[1]!].map((text) => [...utf8(text)])
    const size = Math.min(...texts.map(({ length }) => length))
    const examples = texts.map((tokens) => ({
      ...{ contribution: 0, heldOut: false },
      tokens: tokens.slice(0, size),
    }))
    const train = async (length: number, behind = 0) => {
      const { tokens, weights } = paddedBatch(examples, length)
      const filled = tokens.map((token, at) => (at % length < size ? token : behind))
      const state = model.initialState(STATE_SEED)
      const batches = [{ tokens: filled, weights: weights! }]
      const run = { state, batches, exampleTokens: length, optimiser: OPTIMISER, totalSteps: 1 }
      return model.train(run)
    }
    const [alone, padded, other] = [await train(size), await train(97), await train(97, 7)]
    ok(relativeError(padded.losses, alone.losses) < 1e-5)
    ok(relativeError(padded.state.m, alone.state.m) < 1e-4)
    deepEqual(other.state.m, padded.state.m)
  })
})
