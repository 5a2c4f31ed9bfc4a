import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { NearDuplicates, overlap, shingles } from '../../../worker/datanet/near-duplicates.ts'
import { edited, words } from './texts.ts'

const set = (text: readonly string[]) => shingles(text.join(' '))

describe('near duplicates', () => {
  it('measure the overlap of five-word runs', () => {
    const numbers = fc.uniqueArray(fc.nat(40), { maxLength: 30 })
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const both = a.filter((value) => b.includes(value)).length
        const either = new Set([...a, ...b]).size
        const expected = either === 0 ? 0 : both / either
        assert.equal(overlap(Uint32Array.from(a).sort(), Uint32Array.from(b).sort()), expected)
      }),
    )
    assert.deepEqual(shingles('One two, THREE four five'), shingles('one two three - four five!'))
    assert.equal(shingles('').length, 0)
    assert.equal(shingles('only three words').length, 1)
    assert.equal(set(words('count', 50)).length, 46)
  })

  it('are found at any place in a large collection, the earliest first', () => {
    const known = new NearDuplicates()
    const texts = Array.from({ length: 500 }, (_, i) => words(`text ${i}`, 120))
    for (const text of texts) known.add(set(text))
    known.add(set(texts[3]!))
    const missed = texts.filter((text, i) => known.find(set(edited(text, 24)), 0.5)?.number !== i)
    assert.deepEqual(missed, [])
  })

  it('are not seen where there are none', () => {
    const known = new NearDuplicates()
    for (let i = 0; i < 500; i++) known.add(set(words(`text ${i}`, 120)))
    const flagged = Array.from({ length: 500 }, (_, i) => set(words(`other ${i}`, 120))).filter(
      (text) => known.find(text, 0.5),
    )
    assert.equal(flagged.length, 0)
    assert.equal(known.find(shingles(''), 0), undefined)
  })

  it('count signs as words in scripts that do not part words', () => {
    assert.ok(shingles('我们今天去公园散步因为天气很好').length > 8)
  })
})
