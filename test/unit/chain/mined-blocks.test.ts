import { deepEqual, equal, rejects } from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { MinedBlocks } from '../../../worker/chain/mined-blocks.ts'
import { FakeChain } from '../../harness/fake-chain.ts'

const CHAIN_ID = 31_337
const { signal } = new AbortController()

describe('a block that was asked for', () => {
  let chain: FakeChain
  let blocks: MinedBlocks

  beforeEach(async () => {
    chain = await FakeChain.start()
    blocks = new MinedBlocks(chain.url, CHAIN_ID)
  })

  afterEach(async () => {
    blocks[Symbol.dispose]()
    await chain.stop()
  })

  it('is waited for by its number', async () => {
    let isAsked = false
    chain.overrides.set('eth_getBlockByNumber', () => {
      isAsked = true
      return null
    })
    const waiting = blocks.at(1, signal)
    while (!isAsked) await new Promise((wake) => setTimeout(wake, 5))
    chain.overrides.clear()
    const { hash } = chain.mine()
    equal((await waiting).hash, hash)
  })

  it('is not waited for by who has had enough', async () => {
    const stop = new AbortController()
    const waiting = blocks.at(1, stop.signal)
    stop.abort()
    await rejects(waiting, { code: 'aborted' })
  })

  it('is found by its hash, unless the chain has taken it back', async () => {
    const { number, hash } = chain.mine()
    deepEqual(await blocks.withHash(hash, signal), await blocks.at(number, signal))
    chain.forget(1)
    chain.mine()
    await rejects(blocks.withHash(hash, signal), { code: 'block-gone' })
  })
})
