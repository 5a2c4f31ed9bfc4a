import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { after, describe, it } from 'mocha'
import { createEngine } from '../../../worker/engine/engine.ts'
import type { StepProgress, Trained } from '../../../worker/engine/requests.ts'
import { ThreadClient } from '../../../worker/engine/thread-client.ts'
import { TrainingStopped } from '../../../worker/engine/training/training-stopped.ts'
import {
  BROOK,
  bitsOf,
  engineError,
  LIMITS,
  LORA,
  OPTIMISER,
  SEED,
  someBatches,
  someTokens,
  TINY,
  VECTORS,
} from './fixtures.ts'

describe('engine', () => {
  const engine = createEngine({ threads: 1 })
  after(() => engine[Symbol.asyncDispose]())

  const training = async (directory = TINY, vocab = 96) => {
    const model = await engine.open(directory, LORA)
    const request = {
      state: model.initialState(SEED),
      batches: someBatches(6, 4, 24, vocab),
      exampleTokens: 24,
      optimiser: OPTIMISER,
      totalSteps: 6,
    }
    return { model, request }
  }

  it('learns', async () => {
    const { model, request } = await training()
    const batches = new Array(30).fill(request.batches[0])
    const { losses } = await model.train({ ...request, batches, totalSteps: 30 })
    assert.ok(losses.at(-1)! < losses[0]! * 0.7, `${losses[0]} -> ${losses.at(-1)}`)
  })

  it('leaves the event loop free while it trains', async () => {
    const { model, request } = await training(BROOK, 4096)
    let turns = 0
    let training_ = true
    const counting = (async () => {
      while (training_) {
        await setImmediate()
        turns++
      }
    })()
    const turnsAtStep: number[] = []
    await model.train(request, { onStep: () => turnsAtStep.push(turns) })
    training_ = false
    await counting
    assert.equal(turnsAtStep.length, 6)
    // A step that ran in this thread would let a handful of turns pass; one elsewhere lets hundreds.
    const between = turnsAtStep.slice(1).map((turn, index) => turn - turnsAtStep[index]!)
    assert.ok(Math.max(...between) > 50, `turns between steps: ${between}`)
  })

  it('stops training at the next step when cancelled, and goes on working', async () => {
    const { model, request } = await training()
    const controller = new AbortController()
    let steps = 0
    const onStep = (): void => {
      steps++
      if (steps === 2) controller.abort()
    }
    const batches = new Array(2000).fill(request.batches[0])
    const { signal } = controller
    await assert.rejects(
      model.train({ ...request, batches, totalSteps: 2000 }, { signal, onStep }),
      engineError('aborted'),
    )
    assert.ok(steps < 1000, `${steps} steps were reported`)
    await assert.rejects(model.train(request, { signal }), engineError('aborted'))
    assert.equal((await model.train(request)).state.step, 6)
  })

  it('hands out the completed steps of a cancelled training, from which it goes on to the same bits', async () => {
    const { model, request } = await training(BROOK, 4096)
    const whole = await model.train(request)
    const controller = new AbortController()
    const onStep = ({ step }: StepProgress): void => {
      if (step === 2) controller.abort()
    }
    const options = { signal: controller.signal, onStep }
    const { trained } = await model.train(request, options).then(
      () => assert.fail('it was not cancelled'),
      (error: unknown) => {
        assert.ok(error instanceof TrainingStopped, `not a TrainingStopped: ${error}`)
        return error
      },
    )
    const { step } = trained.state
    assert.ok(step >= 2 && step < 6, `stopped after ${step} steps`)
    assert.deepEqual(trained.losses, whole.losses.slice(0, step))
    const batches = request.batches.slice(step)
    const rest = await model.train({ ...request, state: trained.state, batches })
    const bits = ({ state: { theta, m, v } }: Trained) => bitsOf(theta, m, v)
    assert.equal(bits(rest), bits(whole))
  })

  it('reports the loss, the speed and the memory of each step', async () => {
    const { model, request } = await training()
    const seen: StepProgress[] = []
    const { losses } = await model.train(request, { onStep: (progress) => seen.push(progress) })
    assert.deepEqual(
      seen.map(({ step }) => step),
      [1, 2, 3, 4, 5, 6],
    )
    assert.deepEqual(
      Float32Array.from(seen, ({ loss }) => loss),
      losses,
    )
    for (const { tokensPerSecond, memoryBytes } of seen) {
      assert.ok(tokensPerSecond > 1 && tokensPerSecond < 1e7, `${tokensPerSecond} tokens a second`)
      assert.ok(memoryBytes > 2 ** 20 && memoryBytes < 2 ** 40, `${memoryBytes} bytes`)
    }
  })

  it('cancels a text at the next token', async () => {
    const { model } = await training()
    const controller = new AbortController()
    const text = model.generate(
      {
        prompt: [1],
        maxTokens: 60,
        seed: SEED,
        sampler: { temperature: 1, topK: 90 },
        stopTokens: [],
      },
      { signal: controller.signal, onToken: () => controller.abort() },
    )
    await assert.rejects(text, engineError('aborted'))
  })

  it('rejects what was under way when its thread is lost, and starts another', async () => {
    const { model, request } = await training()
    const before = await model.train(request)
    const lost = model.train({
      ...request,
      batches: new Array(2000).fill(request.batches[0]),
      totalSteps: 2000,
    })
    const rejected = assert.rejects(lost, engineError('thread-lost'))
    await engine.restart()
    await rejected
    assert.deepEqual((await model.train(request)).state.theta, before.state.theta)
  })

  it('has one thread after a restart, also where calls do not wait for it', async () => {
    const clients = new Set<ThreadClient>()
    const { call } = ThreadClient.prototype
    ThreadClient.prototype.call = function (this: ThreadClient, ...about) {
      clients.add(this)
      return call.apply(this, about)
    } as typeof call
    try {
      await using other = createEngine({ threads: 1 })
      const model = await other.open(TINY, LORA)
      const look = () => model.loss({ examples: [Int32Array.of(1, 2)] })
      const restarted = other.restart()
      await Promise.all([look(), restarted])
      await look()
      assert.equal(clients.size, 2)
    } finally {
      ThreadClient.prototype.call = call
    }
  })

  it('rejects what was under way when its thread crashes', async () => {
    const crashing = new URL('./crashing-thread.ts', import.meta.url)
    const client = new ThreadClient(
      { threads: 1, checkpointing: false, provider: 'cpu', limits: LIMITS, weightBytes: 2 ** 30 },
      () => {},
      crashing,
    )
    const model = { directory: TINY, lora: LORA }
    const calls = [1, 2].map(() => client.call('open', model, {}, undefined, () => {}))
    for (const call of calls) {
      await assert.rejects(call, engineError('thread-lost', /crashed: Error: on purpose/))
    }
    assert.equal(client.lost, true)
    const late = client.call('open', model, {}, undefined, () => {})
    await assert.rejects(late, engineError('thread-lost'))
  })

  it('refuses calls once it is disposed of', async () => {
    const other = createEngine({ threads: 1 })
    const model = await other.open(TINY, LORA)
    await other[Symbol.asyncDispose]()
    await assert.rejects(model.loss({ examples: [Int32Array.of(1, 2)] }), engineError('closed'))
  })

  it('refuses training that cannot be meant', async () => {
    const { model, request } = await training()
    const refused = (change: object, message: RegExp) =>
      assert.rejects(model.train({ ...request, ...change }), engineError('bad-input', message))
    await refused({ exampleTokens: 25 }, /96 tokens cannot be parted into examples of 25/)
    await refused({ exampleTokens: 96 }, /96 tokens/)
    await refused({ batches: [{ tokens: new Int32Array(24).fill(96) }] }, /token 96/)
    await refused(
      { batches: [{ tokens: new Int32Array(24), weights: new Float32Array(24) }] },
      /add up to 0/,
    )
    await refused(
      { batches: [{ tokens: new Int32Array(24), weights: new Float32Array(24).fill(-1) }] },
      /negative/,
    )
    const state = { ...request.state, theta: new Float32Array(7) }
    await assert.rejects(model.train({ ...request, state }), engineError('bad-adapter'))
    await refused({ dropout: { rate: 0.95, seed: SEED } }, /dropout of 0.95/)
    await refused({ dropout: { rate: Number.NaN, seed: SEED } }, /dropout/)
    const short = { projectionSeed: SEED, width: 4, examples: [Int32Array.of(1)] }
    await assert.rejects(model.features(short), engineError('bad-input'))
    const wide = { ...short, examples: [Int32Array.of(1, 2)], width: 1000 }
    await assert.rejects(model.features(wide), engineError('bad-input', /width/))
  })

  it('counts a token as much as its weight says', async () => {
    const { model } = await training()
    const tokens = Int32Array.from({ length: 12 }, (_, index) => index)
    const early = tokens.slice(0, 6)
    const weights = Float32Array.from(tokens, (_, index) => (index < 6 ? 1 / 5 : 0))
    const [weighted] = await model.loss({ examples: [tokens], weights: [weights] })
    const [mean] = await model.loss({ examples: [early] })
    assert.ok(Math.abs(weighted! - mean!) < 1e-5)
    const scaled = weights.map((weight) => weight * 1000)
    const train = async (value: Float32Array) => {
      const { request } = await training()
      const batches = [{ tokens, weights: value }]
      return model.train({ ...request, batches, exampleTokens: 12 })
    }
    const [a, b] = [await train(weights), await train(scaled)]
    assert.ok(Math.abs(a.losses[0]! - mean!) < 1e-5)
    assert.ok(Math.abs(a.losses[0]! - b.losses[0]!) < 1e-5)
  })

  it('looks at texts as long as they can be written: the last token is beyond the context', async () => {
    const { model } = await training()
    const { contextTokens, vocabSize } = model.info
    const text = someTokens(contextTokens + 1, vocabSize)
    const weights = new Float32Array(text.length).fill(1, contextTokens)
    const { theta } = model.initialState(SEED)
    const request = { adapter: theta, examples: [text], weights: [weights] }
    const { logits } = await model.prefill({
      tokens: [...text.subarray(0, -1)],
      from: contextTokens - 1,
    })
    const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0)
    const expected = Math.log(sum) - logits[text.at(-1)!]!
    const [loss] = await model.loss(request)
    assert.ok(Math.abs(loss! - expected) < 1e-4, `${loss}, not ${expected}`)
    const { features } = await model.features({ ...request, projectionSeed: SEED, width: 4 })
    assert.ok(features.some((value) => value !== 0))
    const longer = { examples: [someTokens(contextTokens + 2, vocabSize)] }
    await assert.rejects(model.loss(longer), engineError('bad-input', /66 tokens .* 2 to 65/))
  })

  it('says what is wrong with a directory that holds no model', async () => {
    await assert.rejects(engine.open(VECTORS, LORA), engineError('bad-file', /config\.json/))
  })
})
