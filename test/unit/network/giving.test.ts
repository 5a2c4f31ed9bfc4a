import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { Giving } from '../../../worker/network/giving.ts'

describe('blocks are given', () => {
  it('two at a time at first, the others in their order', async () => {
    const giving = new Giving()
    const begun: number[] = []
    const ends: (() => void)[] = []
    const done = Array.from({ length: 4 }, (_, number) =>
      giving.inTurn(`${number}`, () => {
        begun.push(number)
        return new Promise((resolve) => ends.push(resolve))
      }),
    )
    const settled = () => new Promise((wake) => setTimeout(wake, 1))
    await settled()
    assert.deepEqual(begun, [0, 1])
    ends[0]!()
    await settled()
    assert.deepEqual(begun, [0, 1, 2])
    for (let number = 1; number < 4; number++) {
      ends[number]!()
      await settled()
    }
    await Promise.all(done)
  })

  it('to who waits for fewer first, so that nobody who asks for many keeps others waiting', async () => {
    const giving = new Giving()
    const begun: string[] = []
    const ends: (() => void)[] = []
    const ask = (peer: string) =>
      giving.inTurn(peer, () => {
        begun.push(peer)
        return new Promise((resolve) => ends.push(resolve))
      })
    const asked = ['many', 'many', 'many', 'many', 'many', 'one', 'one', 'other'].map(ask)
    for (let number = 0; number < asked.length; number++) {
      await new Promise((wake) => setTimeout(wake, 1))
      ends[number]!()
    }
    await Promise.all(asked)
    assert.deepEqual(begun, ['many', 'many', 'one', 'other', 'one', 'many', 'many', 'many'])
  })

  it('without regard to what a peer has asked for and waits for no more', async () => {
    const giving = new Giving()
    const begun: string[] = []
    const ends: (() => void)[] = []
    let isThere = true
    const ask = (peer: string, waits = () => true) => {
      const give = (): Promise<void> => {
        begun.push(peer)
        return new Promise((resolve) => ends.push(resolve))
      }
      return giving.inTurn(peer, give, waits)
    }
    const asked = ['first', 'second'].map((peer) => ask(peer))
    asked.push(...[1, 2, 3].map(() => ask('elsewhere', () => isThere)))
    isThere = false
    asked.push(...['other', 'other', 'elsewhere'].map((peer) => ask(peer)))
    for (let number = 0; number < 5; number++) {
      await new Promise((wake) => setTimeout(wake, 1))
      ends[number]!()
    }
    await Promise.all(asked)
    assert.deepEqual(begun, ['first', 'second', 'other', 'elsewhere', 'other'])
  })

  it('on, where one fails', async () => {
    const giving = new Giving()
    const fails = () => giving.inTurn('one', () => Promise.reject(new Error('gone')))
    await Promise.all([1, 2, 3].map(() => assert.rejects(fails(), /gone/)))
    await giving.inTurn('one', async () => undefined)
  })

  it('more at a time while that takes none of them longer, and fewer where it does', () => {
    const giving = new Giving()
    for (let block = 0; block < 100; block++) {
      giving.took('near', 10)
      giving.took('far', 900)
    }
    assert.equal(giving.atOnce, 16)
    for (let block = 0; block < 8; block++) giving.took('far', 2000)
    assert.equal(giving.atOnce, 8)
    for (let block = 0; block < 100; block++) giving.took('far', 2000)
    assert.equal(giving.atOnce, 2)
  })
})
