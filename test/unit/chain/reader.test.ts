import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { ChainError } from '../../../worker/chain/errors.ts'
import { betweenBlocks } from '../../../worker/chain/reader.ts'

describe('a read that a new block cuts off', () => {
  const overtaken = new ChainError('rpc-failed', 'BlockOutOfRangeError: height is 36, not 35')

  it('is tried again, wherever the reason stands', async () => {
    let tries = 0
    const ask = async () => {
      tries += 1
      if (tries === 1) throw overtaken
      if (tries === 2) throw new Error('call failed', { cause: overtaken })
      return tries
    }
    assert.equal(await betweenBlocks(ask), 3)
  })

  it('is given up at some time, and what fails otherwise at once', async () => {
    for (const [error, most] of [
      [overtaken, 5],
      [new ChainError('rpc-failed', 'reverted'), 1],
    ] as const) {
      let tries = 0
      const ask = () => {
        tries += 1
        return Promise.reject(error)
      }
      await assert.rejects(betweenBlocks(ask), error)
      assert.equal(tries, most)
    }
  })
})
