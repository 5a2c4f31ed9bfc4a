import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import type { ModelConfig } from '../../../worker/engine/families/model-config.ts'
import {
  Drawing,
  type ProviderRunner,
  type Runner,
} from '../../../worker/engine/serving/drawing.ts'
import { lastPlaces, textFeeds } from '../../../worker/engine/serving/feeds.ts'
import { KeyValues } from '../../../worker/engine/serving/key-values.ts'
import { singleFeeds } from '../../../worker/engine/serving/slots.ts'
import type { Session } from '../../../worker/engine/session.ts'
import { assertSameBits, openServing, someTokens } from './fixtures.ts'

/** The trial reads a text in three runs. */
const TRIAL_RUNS = 3

describe('drawing', () => {
  let config: ModelConfig
  let session: Session

  before(async () => {
    ;({ config, session } = await openServing())
  })
  after(() => session.release())

  /** Runs that were counted, of a provider that computes as the processor does but for what is done to its logits. */
  const open = (spoil: (logits: Float32Array, run: number) => void) => {
    const counts = { processor: 0, provider: 0, released: 0 }
    const told: string[] = []
    const processor: Runner = {
      run: (feeds) => {
        counts.processor++
        return session.run(feeds)
      },
    }
    const provider: ProviderRunner = {
      async release() {
        counts.released++
        throw new Error('nothing to release')
      },
      run: async (feeds) => {
        const outputs = await session.run(feeds)
        spoil(outputs['logits']!, counts.provider++)
        return outputs
      },
    }
    const drawing = new Drawing({
      config,
      processor: async () => processor,
      provider: async () => provider,
      onTried: (refused) => told.push(refused ?? 'draws'),
    })
    return { drawing, counts, told }
  }

  const feeds = () => ({
    ...textFeeds([[...someTokens(5, config.vocabSize)]], [0], lastPlaces(0, 5)),
    ...singleFeeds(config, undefined),
    ...new KeyValues(config, 1, 0).feeds(1),
  })

  it('is left to a provider that rounds otherwise than the processor', async () => {
    const { drawing, counts, told } = open((logits) => {
      logits[0]! += 4e-4
    })
    for (let run = 0; run < 3; run++) await drawing.run(feeds())
    assert.deepEqual(counts, { processor: TRIAL_RUNS, provider: TRIAL_RUNS + 3, released: 0 })
    assert.deepEqual(told, ['draws'])
  })

  for (const [what, at] of [
    ['further off than validators allow', 0],
    ['further off over keys and values', 1],
    ['further off over those that have grown', 2],
  ] as const) {
    it(`is not left to one that is ${what}`, async () => {
      const { drawing, counts, told } = open((logits, run) => {
        if (run === at) logits[logits.length - 1]! += 6e-4
      })
      const { logits } = await drawing.run(feeds())
      assertSameBits(logits!, (await session.run(feeds()))['logits']!)
      await drawing.run(feeds())
      assert.deepEqual(counts, { processor: TRIAL_RUNS + 2, provider: TRIAL_RUNS, released: 1 })
      assert.equal(told.length, 1)
      assert.match(told[0]!, /logits .* off; 0\.0005 is allowed/)
    })
  }

  it('is not left to one whose numbers are none', async () => {
    const { drawing, counts, told } = open((logits) => {
      logits[3] = Number.NaN
    })
    assert.ok((await drawing.run(feeds()))['logits']!.every(Number.isFinite))
    assert.match(told.join(), /logits .* NaN off/)
    assert.equal(counts.released, 1)
  })

  it('is not left to one that cannot load the model', async () => {
    const told: (string | undefined)[] = []
    const drawing = new Drawing({
      config,
      processor: async () => session,
      provider: () => Promise.reject(new Error('out of memory')),
      onTried: (refused) => told.push(refused),
    })
    await drawing.run(feeds())
    await drawing.run(feeds())
    assert.deepEqual(told, ['out of memory'])
  })

  it('goes on by the processor where the provider fails', async () => {
    const { drawing, counts, told } = open((_, run) => {
      if (run > TRIAL_RUNS) throw new Error('device lost')
    })
    const first = await drawing.run(feeds())
    const second = await drawing.run(feeds())
    await drawing.run(feeds())
    assertSameBits(second['logits']!, first['logits']!)
    const runs = TRIAL_RUNS + 2
    assert.deepEqual(counts, { processor: runs, provider: runs, released: 1 })
    assert.deepEqual(told, ['draws', 'it failed in a run: device lost'])
  })

  it('gives the memory of its provider back when nobody draws any more', async () => {
    const { drawing, counts } = open(() => {})
    await drawing.run(feeds())
    assert.equal(counts.released, 0)
    drawing.release()
    drawing.release()
    assert.equal(counts.released, 1)
  })

  it('stays with a provider that fails where the processor fails as well', async () => {
    const { drawing, counts, told } = open(() => {})
    await drawing.run(feeds())
    await assert.rejects(drawing.run({}), /onnxruntime|input/i)
    await drawing.run(feeds())
    assert.equal(counts.provider, TRIAL_RUNS + 2)
    assert.equal(counts.released, 0)
    assert.deepEqual(told, ['draws'])
  })
})
