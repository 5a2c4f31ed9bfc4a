import { equal, rejects } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { prepareRun } from '../../../worker/effects/tuning.ts'
import { SEED, Workshop } from '../../harness/workshop.ts'

const { signal } = new AbortController()

describe('a fine-tune', () => {
  let shop: Workshop

  before(async () => {
    shop = await Workshop.open()
  })

  after(() => shop?.close())

  /** Lays the run out, where so many maps carry an adapter of rank 128. */
  async function prepared(maps: number) {
    const base = await shop.knowledge.base(shop.model)
    const layout = {
      ...base.model.layout,
      modules: new Array(maps).fill({ projection: 'up' }),
      rank: 128,
    }
    const model = { ...base.model, layout }
    const corpus = shop.knowledge.corpus.bind(shop.knowledge)
    const knowledge = { corpus, base: async () => ({ ...base, model }) } as never
    return prepareRun(knowledge, shop.content, shop.tuneJob, SEED, signal)
  }

  it('is refused before it begins where nobody could store or work out its index', async () => {
    equal((await prepared(256)).corpus.examples.length, 48)
    await rejects(prepared(257), /48 rows of 65792 numbers.*lower rank/)
  })
})
