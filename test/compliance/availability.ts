/** What each availability layer must do for a batch's data. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'mocha'
import { MAX_AVAILABILITY } from '../../protocol/batch.ts'
import type { Availability } from '../../worker/availability/availability.ts'
import { MAX_PAYLOAD_BYTES } from '../../worker/availability/eigenda.ts'
import { type AvailabilityCode, AvailabilityError } from '../../worker/availability/errors.ts'

export interface AvailabilityUnderTest {
  readonly writer: Availability
  /** Another node's view of the same layer. */
  readonly reader: Availability
  /** A reference in form to data that nobody has. */
  readonly unknown: string
}

export const soon = (): AbortSignal => AbortSignal.timeout(10_000)

export function availabilityCompliance(layer: () => AvailabilityUnderTest): void {
  it('brings to others what was put, to the byte', async () => {
    const { writer, reader } = layer()
    for (const size of [1, 31, 32, 1000, 1024 * 1024]) {
      const bytes = randomBytes(size)
      const reference = await writer.put(bytes, soon())
      assert.ok(reference.length <= MAX_AVAILABILITY)
      assert.ok(bytes.equals(await reader.get(reference, soon())), `${size} bytes`)
    }
  })

  it('takes the same bytes twice', async () => {
    const { writer, reader } = layer()
    const bytes = randomBytes(100)
    await writer.put(bytes, soon())
    assert.ok(bytes.equals(await reader.get(await writer.put(bytes, soon()), soon())))
  })

  it('refuses data that is too large before it sends any', async () => {
    const bytes = new Uint8Array(MAX_PAYLOAD_BYTES + 1)
    await assert.rejects(layer().writer.put(bytes, soon()), failing('too-large'))
  })

  it('refuses what is no reference', async () => {
    const { reader } = layer()
    const long = `eigenda/0x${'01'.repeat(2044)}`
    const wrong = ['', 'bafy', 'eigenda/', 'eigenda/0x', 'eigenda/0x0', 'eigenda/0xZZ', long]
    const almost = [
      'eigenda/0x010002F8',
      'eigenda/01000200',
      '../../etc/passwd',
      `b${'a'.repeat(40)}`,
    ]
    for (const reference of [...wrong, ...almost]) {
      await assert.rejects(reader.get(reference, soon()), failing('bad-reference'), reference)
    }
  })

  it('says so where the data is nowhere', async () => {
    const { reader, unknown } = layer()
    await assert.rejects(reader.get(unknown, soon()), failing('missing', 'dropped'))
  })

  it('stops when the caller does', async () => {
    const { writer, reader, unknown } = layer()
    const stopped = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(writer.put(randomBytes(10), stopped), /stopped/)
    await assert.rejects(reader.get(unknown, stopped), /stopped/)
  })
}

export function failing(...codes: AvailabilityCode[]): (error: unknown) => boolean {
  return (error) => error instanceof AvailabilityError && codes.includes(error.code)
}
