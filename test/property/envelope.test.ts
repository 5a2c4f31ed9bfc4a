import assert from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { open, seal } from '../../protocol/envelope.ts'
import { authorOf, messageDigest, slotOf } from '../../protocol/message.ts'
import { MAX_ENVELOPE_BYTES } from '../../protocol/params.ts'
import { recoverAddress } from '../../protocol/signature.ts'
import { anyMessage, keyNumber, MESSAGES } from '../harness/messages.ts'

describe('envelopes', () => {
  it('open to what was sealed, under the same digest and signer', () => {
    const { privateKey, address } = keyNumber(1)
    const property = fc.property(anyMessage, (message) => {
      const sealed = seal(message, privateKey, MESSAGES)
      const opened = open(sealed.bytes, MESSAGES)
      assert.ok(opened.ok)
      assert.deepEqual(opened.envelope.message, message)
      assert.equal(opened.envelope.digest, sealed.digest)
      assert.equal(recoverAddress(opened.envelope.digest, opened.envelope.signature), address)
    })
    fc.assert(property, { numRuns: 60 })
  })

  it('sealed twice are the same bytes', () => {
    const { privateKey } = keyNumber(1)
    const property = fc.property(anyMessage, (message) => {
      const again = seal(message, privateKey, MESSAGES).bytes
      assert.deepEqual(seal(message, privateKey, MESSAGES).bytes, again)
    })
    fc.assert(property, { numRuns: 10 })
  })

  it('never throw on changed bytes, and never open to another message under the same signer', () => {
    const { privateKey, address } = keyNumber(1)
    const property = fc.property(anyMessage, fc.nat(), fc.nat(255), (message, at, value) => {
      const sealed = seal(message, privateKey, MESSAGES)
      const bytes = sealed.bytes.slice()
      const place = at % bytes.length
      if (bytes[place] === value) return
      bytes[place] = value
      const opened = open(bytes, MESSAGES)
      if (!opened.ok) return
      const { digest, signature } = opened.envelope
      assert.ok(digest === sealed.digest || recoverAddress(digest, signature) !== address)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('refuse bytes that say the same in another form', () => {
    const { bytes } = seal(sampleVote(), keyNumber(1).privateKey, MESSAGES)
    const reordered = reverseTopLevelKeys(bytes)
    assert.deepEqual(dagCbor.decode(reordered), dagCbor.decode(bytes))
    const opened = open(reordered, MESSAGES)
    assert.ok(!opened.ok && opened.detail.includes('canonical'))
  })

  it('refuse what is too large before decoding it', () => {
    const opened = open(new Uint8Array(MAX_ENVELOPE_BYTES + 1), MESSAGES)
    assert.ok(!opened.ok && opened.reason === 'too-large')
  })

  it('differ in digest where they differ in any field', () => {
    const property = fc.property(anyMessage, anyMessage, (one, other) => {
      if (JSON.stringify(one, bigints) === JSON.stringify(other, bigints)) return
      assert.notEqual(messageDigest(one, MESSAGES), messageDigest(other, MESSAGES))
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('name an author, and a slot for all that may be said once', () => {
    const property = fc.property(anyMessage, (message) => {
      assert.match(authorOf(message), /^0x[0-9a-f]{40}$/)
      assert.equal(slotOf(message) === undefined, ['job', 'beat'].includes(message.kind))
    })
    fc.assert(property, { numRuns: 50 })
  })
})

function sampleVote() {
  return fc.sample(
    anyMessage.filter(({ kind }) => kind === 'vote'),
    { numRuns: 1, seed: 1 },
  )[0]!
}

/** The same map with its keys in reverse order: valid CBOR, but not canonical. */
function reverseTopLevelKeys(bytes: Uint8Array): Uint8Array {
  const value = dagCbor.decode<Record<string, unknown>>(bytes)
  const entries = Object.entries(value).reverse()
  const parts = entries.flatMap(([key, held]) => [dagCbor.encode(key), dagCbor.encode(held)])
  return Buffer.concat([Uint8Array.of(0xa0 + entries.length), ...parts])
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
