import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { tryProviders } from '../../../worker/engine/providers.ts'
import { PROVIDERS } from '../../../worker/engine/session.ts'

describe('providers', () => {
  it('are each tried with the self-test, and the processor never fails it', async () => {
    const seen: string[] = []
    const tried = await tryProviders(1, (_, provider) => seen.push(provider))
    assert.deepEqual(seen, PROVIDERS)
    assert.deepEqual(tried.at(-1), { provider: 'cpu' })
    // A machine may have a GPU or not; one that cannot be used says why.
    for (const { refused } of tried) assert.notEqual(refused, '')
  })
})
