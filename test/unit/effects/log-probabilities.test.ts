import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { EXACT_BOUNDS } from '../../../protocol/commitment.ts'
import {
  isLikelihood,
  type ToldProbability,
  toldProbabilities,
} from '../../../worker/effects/log-probabilities.ts'
import { probabilities } from '../../../worker/engine/serving/probabilities.ts'

/** Probabilities of 1/2, 1/4, 1/8 and 1/8. */
const LOGITS = Float32Array.from([1 / 8, 1 / 2, 1 / 4, 1 / 8], (share) => 7 + Math.log(share))
const micro = (share: number): number => Math.round(1e6 * Math.log(share))

function tell(token: number, count: number): ToldProbability {
  return toldProbabilities([probabilities(LOGITS, token, count)])[0]!
}

describe('log-probabilities in an answer', () => {
  it('are whole millionths of a nat', () => {
    const { logProbability, likeliest } = tell(2, 2)
    assert.ok(Math.abs(logProbability - micro(1 / 4)) <= 1)
    assert.deepEqual(
      likeliest.map(({ token }) => token),
      [1, 2],
    )
    assert.ok(Math.abs(likeliest[0]!.logProbability - micro(1 / 2)) <= 1)
  })

  it('stay within what documents hold', () => {
    const told = toldProbabilities([
      { token: 0, logProbability: 1e-5, likeliest: [] },
      { token: 0, logProbability: -1e-9, likeliest: [] },
      { token: 0, logProbability: -5000, likeliest: [] },
    ])
    assert.deepEqual(
      told.map(({ logProbability }) => logProbability),
      [0, 0, -1e9],
    )
    assert.ok(told.every(({ logProbability }) => !Object.is(logProbability, -0)))
  })

  it('hold where they follow from the logits, in whichever order equals stand', () => {
    const told = tell(0, 4)
    assert.ok(isLikelihood(told, LOGITS, 0, 4, EXACT_BOUNDS))
    const [first, second, third, fourth] = told.likeliest as Required<ToldProbability>['likeliest']
    const turned = [first!, second!, fourth!, third!]
    assert.ok(isLikelihood({ ...told, likeliest: turned }, LOGITS, 0, 4, EXACT_BOUNDS))
    const twice = [first!, second!, third!, third!]
    assert.ok(!isLikelihood({ ...told, likeliest: twice }, LOGITS, 0, 4, EXACT_BOUNDS))
    assert.ok(!isLikelihood(told, LOGITS, 1, 4, EXACT_BOUNDS))
    assert.ok(!isLikelihood(told, LOGITS, 0, 3, EXACT_BOUNDS))
  })

  it('do not hold where a less likely token stands among them', () => {
    const told = tell(0, 2)
    const worse = { token: 3, logProbability: micro(1 / 8) }
    assert.ok(
      !isLikelihood(
        { ...told, likeliest: [told.likeliest[0]!, worse] },
        LOGITS,
        0,
        2,
        EXACT_BOUNDS,
      ),
    )
    const made = { token: 3, logProbability: micro(1 / 4) }
    assert.ok(
      !isLikelihood({ ...told, likeliest: [told.likeliest[0]!, made] }, LOGITS, 0, 2, EXACT_BOUNDS),
    )
  })

  it('tell all tokens where more are asked for than there are', () => {
    assert.equal(tell(0, 9).likeliest.length, 4)
    assert.ok(isLikelihood(tell(0, 9), LOGITS, 0, 9, EXACT_BOUNDS))
  })
})
