import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { NearDuplicates, shareWithin, shingles } from '../../../worker/datanet/near-duplicates.ts'
import { edited, words } from './texts.ts'

const set = (text: readonly string[]) => shingles(text.join(' '))

describe('near duplicates', () => {
  it('measure the share of three-word runs', () => {
    const numbers = fc.uniqueArray(fc.nat(40), { maxLength: 30 })
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const both = a.filter((value) => b.includes(value)).length
        const expected = a.length === 0 ? 0 : both / a.length
        assert.equal(shareWithin(Uint32Array.from(a).sort(), Uint32Array.from(b).sort()), expected)
      }),
    )
    assert.deepEqual(shingles('One two, THREE four five'), shingles('one two three - four five!'))
    assert.deepEqual(
      shingles('Ｏne t\u0323w\u0323ó, 𝐭𝐡𝐫𝐞𝐞 four ﬁve'),
      shingles('one two three four five'),
    )
    const looksAlike = [
      ['аɑαꓮᴀꭺ', 'a'],
      ['օоο0ꓳᴏⲟ', 'o'],
      ['ıіιꓲɪ', 'i'],
      ['ѕꮪꓢꜱ', 's'],
    ] as const
    for (const [others, letter] of looksAlike) {
      const text = 'also one of its oasis paths'
      const same = shingles(text)
      for (const other of others) assert.deepEqual(shingles(text.replaceAll(letter, other)), same)
    }
    assert.notDeepEqual(shingles('कि का कु'), shingles('का कि कु'))
    assert.equal(shingles('').length, 0)
    assert.equal(shingles('two words').length, 1)
    assert.equal(set(words('count', 50)).length, 48)
  })

  it('are found at any place in a large collection, the earliest first', () => {
    const known = new NearDuplicates()
    const texts = Array.from({ length: 500 }, (_, i) => words(`text ${i}`, 120))
    for (const text of texts) known.add(set(text))
    known.add(set(texts[3]!))
    const missed = texts.filter((text, i) => known.find(set(edited(text, 8)), 0.5)?.number !== i)
    assert.equal(missed.length, 0)
  })

  it('are found in a long text of which they are a part, and around a part of a short one', () => {
    const known = new NearDuplicates()
    const book = words('book', 20_000)
    known.add(set(book))
    const page = words('page', 100)
    known.add(set(page))
    for (const start of [0, 7000, 19_700]) {
      const cut = set(book.slice(start, start + 300))
      assert.deepEqual(known.find(cut, 0.5), { number: 0, share: 1 })
    }
    const around = set([...words('preface', 80), ...page])
    assert.equal(known.find(around, 0.5)?.number, 1)
    assert.equal(known.find(around, 0.6), undefined)
    assert.equal(known.find(set(page), 1)?.number, 1)
  })

  it('are found among many that say the same beside what is their own', () => {
    const known = new NearDuplicates()
    const common = words('boilerplate', 60)
    const texts = Array.from({ length: 200 }, (_, i) => [...words(`own ${i}`, 100), ...common])
    for (const text of texts) known.add(set(text))
    assert.ok(texts.every((text, i) => known.find(set(edited(text, 12)), 0.5)?.number === i))
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
