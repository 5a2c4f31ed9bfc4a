import { deepEqual, equal } from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import type { Cid } from '../../../protocol/fields.ts'
import type { Job } from '../../../protocol/job.ts'
import { checkAnswer } from '../../../worker/effects/check-answer.ts'
import { quantiseModel } from '../../../worker/engine/files/quantise.ts'
import { SHIPPED_MODEL } from '../../../worker/shipped-model.ts'
import { ANSWER_ID, Workshop } from '../../harness/workshop.ts'

const PROMPTS = [
  'The purpose of',
  '# A new way to create rivers\n\n## Abstract\n\nThis proposal describes',
  'To install this package with npm, run\n\n```\nnpm install',
  'Streams feed a river, and the river pays tribute back: hence the name.',
]

describe('answers of a model whose weights are packed', () => {
  const shop = new Workshop()
  const models = new Map<number, Cid>()
  const { signal } = new AbortController()

  before(async () => {
    for (const bits of [4, 8] as const) {
      const folder = join(shop.folder, `packed-${bits}`)
      await quantiseModel(SHIPPED_MODEL, folder, bits, () => {})
      models.set(bits, await shop.putModel(folder))
    }
  })

  after(() => shop.close())

  const ordered = async (text: string, bits: number): Promise<Job> => {
    const asked = { logProbabilities: 3, maxTokens: 32 }
    return { ...(await shop.question(text, '', asked)), model: models.get(bits)! }
  }
  const verdict = async (job: Job, written = job) => {
    const result = await shop.answer(written)
    const { graph } = await shop.answer(job)
    const claim = shop.claim(ANSWER_ID, { ...result, graph })
    return checkAnswer(shop.knowledge, shop.content, job, claim, signal)
  }

  for (const bits of [4, 8]) {
    it(`hold with ${bits} bits, though its products round what they read`, async () => {
      for (const text of PROMPTS) {
        const found = await verdict(await ordered(text, bits))
        deepEqual([found.verdict, found.reason], ['pass', 'none'], text)
      }
    })
  }

  it('do not where the same weights are packed otherwise', async () => {
    for (const [bits, written] of [
      [8, 4],
      [4, 8],
    ] as const) {
      const [job, other] = [await ordered(PROMPTS[3]!, bits), await ordered(PROMPTS[3]!, written)]
      equal((await verdict(job, other)).verdict, 'inconclusive')
    }
  })
})
