import assert from 'node:assert/strict'
import { before, describe, it } from 'mocha'
import { createEngine } from '../../../worker/engine/engine.ts'
import {
  chooseProvider,
  PROVIDERS,
  type Provider,
  type TriedProvider,
  tryProviders,
} from '../../../worker/engine/providers.ts'
import { reading } from '../../../worker/engine/self-test.ts'
import { assertSameBits, BROOK, LORA, SEED, someTokens, TINY, worstError } from './fixtures.ts'

describe('providers', () => {
  const seen: Provider[] = []
  let tried: TriedProvider[]
  before(async () => {
    tried = await tryProviders(1, (_, provider) => seen.push(provider))
  })

  it('are each tried with the self-test, and the processor never fails it', () => {
    assert.deepEqual(seen, PROVIDERS)
    assert.deepEqual(tried.at(-1), { provider: 'cpu' })
    // A machine may have a GPU or not; one that cannot be used says why.
    for (const { refused } of tried) assert.notEqual(refused, '')
  })

  it('must show that an adapter changes what is read', async () => {
    const logits = await reading({ threads: 1 })
    const half = logits.length / 2
    const [plain, adapted] = [logits.subarray(0, half), logits.subarray(half)]
    assert.ok(worstError(adapted, plain) > 0.1)
    assert.ok(worstError(await reading({ threads: 2 }), logits) < 1e-6)
  })

  it('are taken in the order wished for, each refusal told with its reason', async () => {
    const working = tried.find(({ refused }) => refused === undefined)!.provider
    const refusals: string[] = []
    const onRefused = ({ provider }: { provider: string }) => refusals.push(provider)
    assert.equal(await chooseProvider(PROVIDERS, 1, onRefused), working)
    assert.deepEqual(refusals, PROVIDERS.slice(0, PROVIDERS.indexOf(working)))
    const missing = tried.filter(({ refused }) => refused !== undefined)
    if (missing.length === 0) return
    const [{ provider, refused }] = missing as [Required<(typeof missing)[number]>]
    await using engine = createEngine({ threads: 1, providers: [provider] })
    await assert.rejects(engine.open(TINY, LORA), (error: Error) => error.message.includes(refused))
  })

  it('draw the answers that the processor would, and leave checks as they are', async function () {
    const others = tried.filter(({ provider, refused }) => provider !== 'cpu' && !refused)
    if (others.length === 0) this.skip()
    const request = {
      prompt: [...someTokens(9, 500)],
      maxTokens: 24,
      seed: SEED,
      sampler: { temperature: 0.7, topK: 40 },
      stopTokens: [],
    }
    const answer = async (providers: Provider[]) => {
      const told: TriedProvider[] = []
      await using engine = createEngine({
        threads: 1,
        providers,
        onTried: (tried) => told.push(tried),
      })
      const model = await engine.open(BROOK, LORA)
      const { theta } = model.initialState(SEED)
      const adapters = [7, 5, 3].map((spread) =>
        theta.map((value, i) => value + (i % spread) / 1000),
      )
      // They join and leave one another, each with its own adapter.
      const texts = await Promise.all(
        [undefined, ...adapters].map((adapter, text) =>
          model.generate({ ...request, adapter, maxTokens: 6 * (text + 1) }),
        ),
      )
      const [adapter, written] = [adapters.at(-1)!, texts.at(-1)!]
      const read = await model.prefill({ adapter, tokens: written.tokens, from: 0 })
      const drawn = providers.filter((provider) => provider !== 'cpu')
      assert.deepEqual(
        told,
        drawn.map((provider) => ({ provider, folder: BROOK })),
      )
      const { exact, graphHash } = model.info
      return { tokens: texts.map(({ tokens }) => tokens), written, read, exact, graphHash }
    }
    const expected = await answer(['cpu'])
    for (const { provider } of others) {
      const { tokens, written, read, exact, graphHash } = await answer([provider])
      assert.deepEqual(tokens, expected.tokens)
      const difference = worstError(written.hidden, expected.written.hidden)
      assert.ok(difference > 0 && difference < 1e-3, `hidden states are ${difference} apart`)
      assertSameBits(read.logits, expected.read.logits)
      assert.deepEqual([exact, graphHash], [expected.exact, expected.graphHash])
    }
  })
})
