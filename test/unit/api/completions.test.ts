import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { logprobsOf } from '../../../worker/api/completions.ts'

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
