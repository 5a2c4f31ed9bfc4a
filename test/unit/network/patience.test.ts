import { equal } from 'node:assert/strict'
import { describe, it } from 'mocha'
import { Patience } from '../../../worker/network/patience.ts'

describe('patience with a neighbour', () => {
  function since(nowMs = 0) {
    const clock = { nowMs }
    return { clock, patience: new Patience(() => clock.nowMs) }
  }

  it('ends with the ninth message that no honest node sends, and with no other neighbour', () => {
    const { patience } = since()
    for (let i = 0; i < 8; i++) patience.spend('liar', 'reject')
    equal(patience.isLeft('liar'), true)
    patience.spend('liar', 'reject')
    equal(patience.isLeft('liar'), false)
    equal(patience.isLeft('another'), true)
  })

  it('lasts with who brings no more of what is ignored than a busy network says', () => {
    const { clock, patience } = since()
    for (let second = 0; second < 600; second++) {
      for (let i = 0; i < 250; i++) patience.spend('ahead', 'ignore')
      for (let i = 0; i < 1000; i++) patience.spend('ahead', 'accept')
      equal(patience.isLeft('ahead'), true)
      clock.nowMs += 1000
    }
  })

  it('ends with a flood of what is ignored, and comes back', () => {
    const { clock, patience } = since()
    for (let i = 0; i < 5000; i++) patience.spend('flood', 'ignore')
    equal(patience.isLeft('flood'), false)
    clock.nowMs += 10_000
    equal(patience.isLeft('flood'), true)
  })
})
