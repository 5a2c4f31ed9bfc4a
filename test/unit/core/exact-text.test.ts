import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { fromText, toText } from '../../../coordinator-free/exact-text.ts'

const key = fc.string().filter((text) => !text.startsWith('$'))
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.double(),
      fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      fc.bigInt(),
      fc.uint8Array(),
    ),
    fc.array(tie('value')),
    fc.dictionary(key, tie('value'), { noNullPrototype: true }),
  ),
}))

describe('the exact text of a value', () => {
  it('gives the value back', () => {
    fc.assert(fc.property(value, (given) => assert.deepStrictEqual(fromText(toText(given)), given)))
  })

  it('is the same for equal values, in whatever order their keys stand', () => {
    const one = { b: 1n, a: [Uint8Array.of(1, 255)], c: undefined }
    const other = { a: [Uint8Array.of(1, 255)], b: 1n }
    assert.equal(toText(one), toText(other))
    assert.equal(toText(one), '{"a":[{"$bytes":"01ff"}],"b":{"$bigint":"1"}}')
  })

  it('has no prototype slipped in', () => {
    const read = fromText('{"__proto__":{"polluted":true}}') as Record<string, unknown>
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
    assert.equal(read['polluted'], undefined)
  })

  it('is refused to what is no plain value', () => {
    for (const given of [new Map(), () => 0, Symbol('x'), new Error('x'), { $bigint: '1' }]) {
      assert.throws(() => toText(given), TypeError)
    }
    let deep: unknown = 0
    for (let i = 0; i < 40; i++) deep = [deep]
    assert.throws(() => toText(deep), /deep/)
    assert.throws(() => fromText(`${'['.repeat(40)}${']'.repeat(40)}`), SyntaxError)
  })

  it('is refused where a mark has no such content', () => {
    for (const text of [
      '{"$bigint":"1x"}',
      '{"$bigint":"01"}',
      '{"$bigint":7}',
      '{"$bytes":"0"}',
      '{"$bytes":"ZZ"}',
      '{"$number":9}',
      '{"$number":"NaN"}',
      '{"$date":"1"}',
      '{"$bytes":"00","more":1}',
      '{"a":',
    ]) {
      assert.throws(() => fromText(text), SyntaxError, text)
    }
  })
})
