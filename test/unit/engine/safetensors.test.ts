import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { concat, utf8 } from '../../../protocol/hash.ts'
import { EngineError } from '../../../worker/engine/errors.ts'
import { float32From } from '../../../worker/engine/files/half.ts'
import {
  parseHeader,
  readHeader,
  writeSafetensors,
} from '../../../worker/engine/files/safetensors.ts'
import { testFolder } from '../../harness/folders.ts'
import { engineError, TINY } from './fixtures.ts'

const FILE = writeSafetensors(
  [
    { name: 'a', dtype: 'F32', shape: [2, 3], bytes: new Uint8Array(24).fill(1) },
    { name: 'b', dtype: 'BF16', shape: [5], bytes: new Uint8Array(10).fill(2) },
  ],
  { format: 'pt' },
)

describe('safetensors', () => {
  it('reads back what it wrote', () => {
    const { tensors, metadata } = parseHeader(FILE, FILE.length, 'x')
    assert.deepEqual(metadata, { format: 'pt' })
    assert.deepEqual([...tensors.keys()], ['a', 'b'])
    const { shape, dtype, offsetBytes, lengthBytes } = tensors.get('b')!
    assert.deepEqual([shape, dtype, lengthBytes], [[5], 'BF16', 10])
    assert.deepEqual(
      FILE.subarray(offsetBytes, offsetBytes + lengthBytes),
      new Uint8Array(10).fill(2),
    )
    assert.equal(tensors.get('a')!.offsetBytes % 8, 0)
  })

  it('reads what the reference implementation wrote', async () => {
    const { tensors } = await readHeader(join(TINY, 'model.safetensors'))
    assert.deepEqual(tensors.get('model.embed_tokens.weight')!.shape, [96, 32])
  })

  it('refuses every truncation', () => {
    for (let length = 0; length < FILE.length; length++) {
      const cut = FILE.subarray(0, length)
      assert.throws(() => parseHeader(cut, cut.length, 'x'), engineError('bad-file'))
    }
  })

  it('reads or refuses a file with flipped bytes, and throws nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(FILE.length - 1), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (flips) => {
          const broken = FILE.slice()
          for (const [place, mask] of flips) broken[place]! ^= mask
          try {
            for (const { offsetBytes, lengthBytes } of parseHeader(
              broken,
              broken.length,
              'x',
            ).tensors.values()) {
              assert.ok(offsetBytes >= 0 && offsetBytes + lengthBytes <= broken.length)
            }
          } catch (error) {
            assert.ok(error instanceof EngineError, `threw ${error}`)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('refuses headers that lie', () => {
    const refused = (header: unknown, dataBytes: number, message: RegExp) => {
      const json = utf8(typeof header === 'string' ? header : JSON.stringify(header))
      const length = new Uint8Array(8)
      new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true)
      const file = concat(length, json, new Uint8Array(dataBytes))
      assert.throws(() => parseHeader(file, file.length, 'x'), engineError('bad-file', message))
    }
    const tensor = (start: number, end: number, shape: number[] = [(end - start) / 4]) => ({
      dtype: 'F32',
      shape,
      data_offsets: [start, end],
    })
    refused('[1, 2]', 0, /no JSON object/)
    refused('{"a"', 0, /no JSON/)
    refused({ a: { ...tensor(0, 4), dtype: 'F8' } }, 4, /dtype/)
    refused({ a: tensor(0, 8, [3]) }, 8, /\[3\] F32 cannot take 8 bytes/)
    refused({ a: tensor(0, 8) }, 4, /end at byte/)
    refused({ a: tensor(0, 8), b: tensor(4, 12) }, 12, /b begins/)
    refused({ a: tensor(0, 4), b: tensor(8, 12) }, 12, /b begins/)
    refused({ a: tensor(0, 4) }, 8, /end at byte/)
    refused({ a: tensor(4, 0, [0]) }, 4, /cannot take -4 bytes/)
    refused({ a: tensor(0, 4, [-1]) }, 4, /shape/)
    refused({ a: tensor(0, 4, [0.5, 2]) }, 4, /shape/)
    refused({ a: { ...tensor(0, 4), extra: 1 } }, 4, /a:/)
    refused({ a: tensor(0, 4, [2 ** 40, 2 ** 40]) }, 4, /cannot take/)
  })

  it('says which file cannot be opened', async () => {
    await assert.rejects(
      readHeader('/nowhere/model.safetensors'),
      engineError('bad-file', /model\.safetensors/),
    )
    const directory = testFolder('engine')
    const path = join(directory, 'short.safetensors')
    await writeFile(path, (await readFile(join(TINY, 'model.safetensors'))).subarray(0, -1))
    await assert.rejects(readHeader(path), engineError('bad-file', /may be truncated/))
    await rm(directory, { recursive: true })
  })

  it('turns all kinds of two-byte numbers to float32', () => {
    const words = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x8000, 0x7c00, 0xfc00)
    const values = [1, -2, 2 ** -24, 1023 * 2 ** -24, 65504, -0, Infinity, -Infinity]
    assert.deepEqual([...float32From(new Uint8Array(words.buffer), 'F16')], values)
    const brain = Uint16Array.of(0x3f80, 0xc000, 0x0001)
    assert.deepEqual([...float32From(new Uint8Array(brain.buffer), 'BF16')], [1, -2, 2 ** -133])
    // A view that begins at an odd address.
    const shifted = new Uint8Array(5)
    shifted.set(new Uint8Array(Float32Array.of(1.5).buffer), 1)
    assert.deepEqual([...float32From(shifted.subarray(1), 'F32')], [1.5])
  })
})
