import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { stoppingText } from '../../../worker/engine/serving/stop-strings.ts'

describe('stop strings', () => {
  const read = (pieces: readonly string[], stops: readonly string[]): string[] => {
    const text = stoppingText(stops)
    return [...pieces.map((piece) => text.push(piece)), text.end()]
  }

  it('cut a text before the first of them, however it comes in pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1 }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), stops, (pieces, ends) => {
        const whole = pieces.join('')
        // Letter by letter: the text ends as soon as its end is a stop string.
        let expected = whole
        for (let end = whole.length; end > 0; end--) {
          const found = ends.filter((stop) => whole.slice(0, end).endsWith(stop))
          const longest = Math.max(0, ...found.map((stop) => stop.length))
          if (longest > 0) expected = whole.slice(0, end - longest)
        }
        assert.equal(read(pieces, ends).join(''), expected)
      }),
      { numRuns: 1000 },
    )
  })

  it('hold back no more than might be the beginning of one', () => {
    assert.deepEqual(read(['one\n', 'two\n', '\nthree'], ['\n\n']), ['one', '\ntwo', '', ''])
    assert.deepEqual(read(['ab', 'x'], ['abc']), ['', 'abx', ''])
    assert.throws(() => stoppingText(['']), RangeError)
    assert.throws(() => stoppingText(['a', 'b', 'c', 'd', 'e']), RangeError)
  })
})
