import assert from 'node:assert/strict'
import { after, describe, it } from 'mocha'
import { draw, highest } from '../../../protocol/sampling.ts'
import { createEngine, type Model, type ServingAdapter } from '../../../worker/engine/engine.ts'
import { loraLayout } from '../../../worker/engine/lora.ts'
import {
  assertSameBits,
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
    assertSameBits(fresh.logits, base.logits)
  })

  it('gives only the positions asked for', async () => {
    const model = await engine.open(TINY, LORA)
    const { vocabSize, config } = model.info
    const all = await model.prefill({ tokens: request.prompt, from: 0 })
    const last = await model.prefill({ tokens: request.prompt, from: 5 })
    assertSameBits(last.logits, all.logits.slice(5 * vocabSize))
    assertSameBits(last.hidden, all.hidden.slice(5 * config.width))
  })

  it('reads long texts piece by piece, and comes to the same', async () => {
    const model = await engine.open(BROOK, LORA)
    const { vocabSize, config } = model.info
    const adapter = someAdapter(model.info.loraSize)
    const tokens = [...someTokens(300, vocabSize)]
    const all = await model.prefill({ adapter, tokens, from: 0 })
    assert.equal(all.logits.length, 300 * vocabSize)
    for (const from of [127, 128, 200, 256, 299]) {
      const rest = await model.prefill({ adapter, tokens, from })
      assertSameBits(rest.logits, all.logits.slice(from * vocabSize))
      assertSameBits(rest.hidden, all.hidden.slice(from * config.width))
    }
    // A piece that ends elsewhere is rounded otherwise, and that is all.
    for (const length of [1, 100, 128, 129, 257]) {
      const short = await model.prefill({
        adapter,
        tokens: tokens.slice(0, length),
        from: length - 1,
      })
      const row = all.logits.slice((length - 1) * vocabSize, length * vocabSize)
      assert.ok(worstError(short.logits, row) < 1e-4, `${length} tokens`)
    }
    const written = await model.generate({ ...request, adapter, prompt: tokens, maxTokens: 40 })
    const text = [...tokens, ...written.tokens.slice(0, -1)]
    const read = await model.prefill({ adapter, tokens: text, from: tokens.length - 1 })
    assert.ok(worstError(read.hidden, written.hidden) < 1e-3)
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
    for (const change of [{ maxTokens: 0 }, { maxTokens: 1.5 }, { logProbabilities: 21 }]) {
      const text = model.generate({ ...request, ...change })
      await assert.rejects(text, engineError('bad-input'))
    }
    const tokens = [1, 2, 3]
    await assert.rejects(model.prefill({ tokens, from: 3 }), engineError('bad-input'))
    const adapter = new Float32Array(5)
    await assert.rejects(
      model.prefill({ adapter, tokens, from: 0 }),
      engineError('bad-adapter', /5 numbers/),
    )
  })

  it('ends where the listener has had enough', async () => {
    const model = await engine.open(TINY, LORA)
    const whole = await model.generate({ ...request, logProbabilities: 1 })
    const onToken = (_: number, index: number): boolean => index === 4
    const cut = await model.generate({ ...request, logProbabilities: 1 }, { onToken })
    assert.equal(cut.stop, 'caller')
    assert.deepEqual(cut.tokens, whole.tokens.slice(0, 5))
    assert.equal(cut.hidden.length, 5 * model.info.config.width)
    assert.equal(cut.logProbabilities!.length, 5)
  })

  it('gives the log-probabilities of drawn and of likeliest tokens', async () => {
    const model = await engine.open(TINY, LORA)
    const { vocabSize } = model.info
    const { tokens, logProbabilities } = await model.generate({ ...request, logProbabilities: 3 })
    const from = request.prompt.length - 1
    const all = [...request.prompt, ...tokens.slice(0, -1)]
    const { logits } = await model.prefill({ tokens: all, from })
    for (const [index, drawn] of logProbabilities!.entries()) {
      const row = logits.slice(index * vocabSize, (index + 1) * vocabSize)
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0)
      const of = (token: number): number => row[token]! - Math.log(sum)
      assert.equal(drawn.token, tokens[index])
      assert.ok(Math.abs(drawn.logProbability - of(drawn.token)) < 1e-4)
      assert.deepEqual(
        drawn.likeliest.map(({ token }) => token),
        highest(row, 3),
      )
      for (const { token, logProbability } of drawn.likeliest) {
        assert.ok(Math.abs(logProbability - of(token)) < 1e-4)
      }
    }
  })

  it('takes adapters by name and of other shapes, and reads to the same bits beside others', async () => {
    const model = await engine.open(TINY, LORA)
    const lora = { rank: 2, alpha: 4, targets: ['v' as const] }
    const theta = someAdapter(loraLayout(model.info.config, lora).size, 0.5)
    const adapter = { id: 'small', load: async () => ({ lora, theta }) }
    const reading = { adapter, tokens: request.prompt, from: 0 }
    const alone = await model.prefill(reading)
    const texts = [1, 2, 3].map((length) =>
      model.generate({
        ...request,
        prompt: request.prompt.slice(length),
        adapter: { id: 'small' },
      }),
    )
    const [beside] = await Promise.all([model.prefill(reading), ...texts])
    assert.deepEqual(beside, alone)
    const own = await (await engine.open(TINY, lora)).prefill({ ...reading, adapter: theta })
    assert.deepEqual(own, alone)
    assert.equal(engine.adapterCounts.loaded, 1)
    const unknown = model.generate({ ...request, adapter: { id: 'nobody knows' } })
    await assert.rejects(unknown, engineError('bad-adapter', /not known/))
    const other = await engine.open(BROOK, LORA)
    const foreign = other.generate({ ...request, adapter: { id: 'small' } })
    await assert.rejects(foreign, engineError('bad-adapter', /for the base model in/))
  })

  it('shows whether an adapter is applied', async () => {
    const model = await engine.open(TINY, LORA)
    assert.ok((await adapterEffect(model, someAdapter(model.info.loraSize))) > 0.01)
    assert.equal(await adapterEffect(model, model.initialState(SEED).theta), 0)
  })
})

const CANARY_TOKENS = 16

/** The largest difference that an adapter makes to the logits of a fixed text; 0 where it does nothing. */
async function adapterEffect(
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
