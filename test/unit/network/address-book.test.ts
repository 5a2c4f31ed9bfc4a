import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { bookOf } from '../../../worker/network/address-book.ts'

const address = (name: string, port = 4801) => `/ip4/203.0.113.7/tcp/${port}/p2p/${name}`
const many = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => address(`${prefix}${index}`))

describe('the book of addresses', () => {
  it('takes in who is here, as far as there is room', () => {
    assert.deepEqual(bookOf([], many('new', 3)), many('new', 3))
    assert.equal(bookOf([], many('new', 100)).length, 64)
  })

  it('keeps who was in it, however many others press in', () => {
    const old = many('old', 64)
    const flood = many('flood', 300)
    assert.deepEqual(bookOf(old, [...flood, ...old]), old)
    // Away, as when a flood has taken all connections: sixteen stay all the same.
    const flooded = bookOf(old, flood)
    assert.deepEqual(flooded.slice(-16), old.slice(0, 16))
    assert.equal(flooded.length, 64)
    assert.deepEqual(bookOf(flooded, flood).slice(-16), old.slice(0, 16))
    assert.deepEqual(bookOf(flooded, old).slice(0, 16), old.slice(0, 16))
  })

  it('lets go of those who left first, when others leave after them', () => {
    const first = bookOf(many('a', 40), many('b', 60))
    assert.deepEqual(first, [...many('b', 48), ...many('a', 16)])
    const second = bookOf(first, many('c', 60))
    assert.deepEqual(second, [...many('c', 48), ...many('b', 16)])
    // Where there is room they all stay: just after a start nobody is here yet.
    assert.deepEqual(bookOf(many('a', 40), many('b', 2)), [...many('b', 2), ...many('a', 40)])
  })

  it('has each once, where it is today', () => {
    const book = bookOf([address('one', 1), address('two', 2)], [address('one', 9)])
    assert.deepEqual(book, [address('one', 9), address('two', 2)])
  })
})
