import assert from 'node:assert/strict'
import { after, describe, it } from 'mocha'
import { draw } from '../../../protocol/sampling.ts'
import { createEngine } from '../../../worker/engine/engine.ts'
import {
  BROOK,
  engineError,
  LORA,
  SEED,
  someAdapter,
  someTokens,
  TINY,
  worstError,
} from './fixtures.ts'

const SAMPLER = { temperature: 0.8, topK: 40 }

describe('generation', () => {
  const engine = createEngine({ threads: 1 })
  after(() => engine[Symbol.asyncDispose]())
  const request = {
    prompt: [...someTokens(7, 96)],
    maxTokens: 20,
    seed: SEED,
    sampler: SAMPLER,
    stopTokens: [],
  }

  it('draws what one teacher-forced pass over the finished text would draw', async () => {
    const model = await engine.open(BROOK, LORA)
    const adapter = someAdapter(model.info.loraSize)
    const prompt = [0, ...someTokens(15, 4096)]
    const drawn = await model.generate({ ...request, prompt, maxTokens: 40, adapter })
    const tokens = [...prompt, ...drawn.tokens.slice(0, -1)]
    const { logits, hidden } = await model.prefill({ adapter, tokens, from: prompt.length - 1 })
    const { vocabSize, config } = model.info
    assert.equal(drawn.hidden.length, drawn.tokens.length * config.width)
    // Single rows take another kernel where adapters are involved: equal but for rounding.
    assert.ok(worstError(drawn.hidden, hidden) < 1e-4)
    for (const [index, token] of drawn.tokens.entries()) {
      const row = logits.slice(index * vocabSize, (index + 1) * vocabSize)
      assert.equal(draw(row, SEED, index, SAMPLER), token)
    }
  })

  it('gives each token as it is drawn', async () => {
    const model = await engine.open(TINY, LORA)
    const heard: [number, number][] = []
    const { tokens, stop } = await model.generate(request, {
      onToken: (token, index) => heard.push([token, index]),
    })
    assert.equal(stop, 'length')
    assert.equal(tokens.length, 20)
    assert.deepEqual(
      heard,
      tokens.map((token, index) => [token, index]),
    )
  })

  it('is a function of the seed', async () => {
    const model = await engine.open(TINY, LORA)
    const first = await model.generate(request)
    assert.deepEqual((await model.generate(request)).tokens, first.tokens)
    const other = await model.generate({ ...request, seed: SEED.map((byte) => byte ^ 1) })
    assert.notDeepEqual(other.tokens, first.tokens)
  })

  it('ends with a stop token, which it gives, and at the end of the context', async () => {
    const model = await engine.open(TINY, LORA)
    const { tokens } = await model.generate(request)
    const stopTokens = [tokens[5]!]
    const stopped = await model.generate({ ...request, stopTokens })
    assert.equal(stopped.stop, 'stop-token')
    assert.deepEqual(stopped.tokens, tokens.slice(0, tokens.indexOf(stopTokens[0]!) + 1))
    const full = await model.generate({ ...request, maxTokens: 1000 })
    assert.equal(full.stop, 'context')
    assert.equal(full.tokens.length, model.info.contextTokens - request.prompt.length + 1)
  })

  it('is the base model with the zero adapter', async () => {
    const model = await engine.open(TINY, LORA)
    const adapter = new Float32Array(model.info.loraSize)
    const [zero, none] = [
      await model.generate({ ...request, adapter }),
      await model.generate(request),
    ]
    assert.deepEqual(zero.tokens, none.tokens)
    // The base model's prompt may be known from before, and what is not read anew is rounded otherwise.
    assert.ok(worstError(zero.hidden, none.hidden) < 1e-4)
    const base = await model.prefill({ tokens: request.prompt, from: 0 })
    const { theta } = model.initialState(SEED)
    const fresh = await model.prefill({ adapter: theta, tokens: request.prompt, from: 0 })
    assert.deepEqual(fresh.logits, base.logits)
  })

  it('gives only the positions asked for', async () => {
    const model = await engine.open(TINY, LORA)
    const { vocabSize, config } = model.info
    const all = await model.prefill({ tokens: request.prompt, from: 0 })
    const last = await model.prefill({ tokens: request.prompt, from: 5 })
    assert.deepEqual(last.logits, all.logits.slice(5 * vocabSize))
    assert.deepEqual(last.hidden, all.hidden.slice(5 * config.width))
  })

  it('throws where the logits are not finite, instead of drawing a token', async () => {
    const model = await engine.open(TINY, LORA)
    const adapter = new Float32Array(model.info.loraSize).fill(1e30)
    await assert.rejects(model.generate({ ...request, adapter }), engineError('not-finite'))
    adapter[3] = Number.NaN
    await assert.rejects(model.generate({ ...request, adapter }), engineError('bad-adapter'))
  })

  it('refuses what is no text of this model', async () => {
    const model = await engine.open(TINY, LORA)
    const refused = (prompt: number[]) =>
      assert.rejects(model.generate({ ...request, prompt }), engineError('bad-input'))
    await refused([])
    await refused([96])
    await refused([-1])
    await refused([1.5])
    await refused(new Array(65).fill(1))
    const tokens = [1, 2, 3]
    await assert.rejects(model.prefill({ tokens, from: 3 }), engineError('bad-input'))
    const adapter = new Float32Array(5)
    await assert.rejects(
      model.prefill({ adapter, tokens, from: 0 }),
      engineError('bad-adapter', /5 numbers/),
    )
  })
})
