import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { createEngine } from '../../../worker/engine/engine.ts'
import { chooseProvider, PROVIDERS, tryProviders } from '../../../worker/engine/providers.ts'
import { reading } from '../../../worker/engine/self-test.ts'
import { LORA, TINY, worstError } from './fixtures.ts'

describe('providers', () => {
  it('are each tried with the self-test, and the processor never fails it', async () => {
    const seen: string[] = []
    const tried = await tryProviders(1, (_, provider) => seen.push(provider))
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
    const tried = await tryProviders(1, () => {})
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
})
