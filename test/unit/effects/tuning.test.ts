import { equal, rejects } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { FEATURE_WIDTH } from '../../../protocol/tuning.ts'
import { prepareRun } from '../../../worker/effects/tuning.ts'
import { SEED, Workshop } from '../../harness/workshop.ts'

const { signal } = new AbortController()

describe('a fine-tune', () => {
  let shop: Workshop

  before(async () => {
    shop = await Workshop.open()
  })

  after(() => shop?.close())

  /** Lays the run out, where one example's features are so many numbers. */
  async function prepared(width: number) {
    const base = await shop.knowledge.base(shop.model)
    const model = { ...base.model, featureSize: (columns: number) => columns * width }
    const corpus = shop.knowledge.corpus.bind(shop.knowledge)
    const knowledge = { corpus, base: async () => ({ ...base, model }) } as never
    return prepareRun(knowledge, shop.content, shop.tuneJob, SEED, signal)
  }

  it('is refused before it begins where nobody could store or work out its index', async () => {
    const most = 65_536 / FEATURE_WIDTH
    equal((await prepared(most)).corpus.examples.length, 48)
    await rejects(prepared(most + 1), /48 rows of 65544 numbers.*lower rank/)
  })
})
