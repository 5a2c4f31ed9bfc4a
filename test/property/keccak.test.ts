import assert from 'node:assert/strict'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { keccak, toHex, utf8 } from '../../protocol/hash.ts'

describe('keccak', () => {
  it('is the hash of the Yellow Paper', () => {
    const empty = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'
    assert.equal(toHex(keccak()), empty)
    const abc = '0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'
    assert.equal(toHex(keccak(utf8('abc'))), abc)
  })

  it('is what another implementation has, at the ends of blocks too', () => {
    for (let length = 0; length < 420; length++) {
      const bytes = Uint8Array.from({ length }, (_, at) => (7 * at + length) & 0xff)
      assert.deepEqual(keccak(bytes), keccak_256(bytes))
    }
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 })
    const property = fc.property(parts, (given) => {
      assert.deepEqual(keccak(...given), keccak_256(concatBytes(...given)))
    })
    fc.assert(property)
  })
})
