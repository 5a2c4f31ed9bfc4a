import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { completionRoutes, logprobsOf } from '../../../worker/api/completions.ts'
import type { Gateway, Service } from '../../../worker/service.ts'

describe('log-probabilities of a completion', () => {
  it('come in the form that applications know', () => {
    const told = [
      {
        text: ' the',
        logProbability: -0.5,
        likeliest: [
          { text: ' the', logProbability: -0.5 },
          { text: ' a', logProbability: -1.25 },
        ],
      },
      { text: ' river', logProbability: -2, likeliest: [] },
      { text: '.', logProbability: -0.125, likeliest: [] },
    ]
    assert.deepEqual(logprobsOf(told), {
      tokens: [' the', ' river', '.'],
      token_logprobs: [-0.5, -2, -0.125],
      top_logprobs: [{ ' the': -0.5, ' a': -1.25 }, {}, {}],
      text_offset: [0, 4, 10],
    })
  })

  it('are null where none were asked for', () => {
    assert.equal(logprobsOf([]), null)
  })
})

describe('a completion', () => {
  it('is refused where its temperature is so small that nobody could check the draw, and says which are not', async () => {
    // The request is refused before anything else is looked at.
    const routes = completionRoutes({} as Service, {} as Gateway)
    for (const temperature of [-1, 1e-310, 0.0009, 10.5]) {
      const body = JSON.stringify({ model: 'brook-4m', prompt: 'The river', temperature })
      const response = await routes.request('/completions', { method: 'POST', body })
      assert.equal(response.status, 400)
      assert.match(await response.text(), /^temperature: must be 0, .* or from 0\.001 to 10$/)
    }
  })
})
