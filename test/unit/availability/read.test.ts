import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Availability } from '../../../worker/availability/availability.ts'
import { type AvailabilityCode, AvailabilityError } from '../../../worker/availability/errors.ts'
import { readAny } from '../../../worker/availability/read.ts'
import { failing, soon } from '../../compliance/availability.ts'

/** A layer that answers a reference by its name: `ok`, `lie`, or the code of a failure. */
const LAYER: Availability = {
  name: 'scripted',
  put: async () => 'ok',
  get: async (reference) => {
    if (reference === 'ok' || reference === 'lie') return Buffer.from(reference)
    if (reference === 'bug') throw new TypeError('bug')
    throw new AvailabilityError(reference as AvailabilityCode, reference)
  },
}

const read = async (...references: string[]): Promise<string> =>
  await readAny(LAYER, references, asOk, soon())

function asOk(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString()
  return text === 'ok' ? text : undefined
}

describe('reading data that is named more than once', () => {
  it('takes the first that is what it should be', async () => {
    assert.equal(await read('ok', 'missing'), 'ok')
    assert.equal(await read('unreachable', 'lie', 'dropped', 'ok'), 'ok')
  })

  it('tells what failed, and before all else that a certificate is invalid', async () => {
    await assert.rejects(read(), failing('missing'))
    await assert.rejects(read('lie'), failing('malformed'))
    await assert.rejects(read('dropped', 'unreachable'), failing('dropped'))
    await assert.rejects(read('unreachable', 'missing'), failing('missing'))
  })

  it('hides no mistake of ours, and stops when the caller does', async () => {
    await assert.rejects(read('bug', 'ok'), TypeError)
    const stopped = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(readAny(LAYER, ['missing', 'ok'], asOk, stopped), /stopped/)
  })
})
