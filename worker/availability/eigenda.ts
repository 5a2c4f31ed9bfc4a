/**
 * Data in EigenDA, through its proxy's REST interface: `POST /put` takes a payload and gives back a commitment as raw bytes,
 * `GET /get/0x…` gives the payload. Routes, status codes and encodings: Layr-Labs/eigenda, api/proxy.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { MAX_AVAILABILITY } from '../../protocol/batch.ts'
import { toHex } from '../../protocol/hash.ts'
import { type Availability, parseReference } from './availability.ts'
import { AvailabilityError } from './errors.ts'
import { ask, type ProxyAnswer, type ProxyRequest, wordsOf } from './proxy-http.ts'

/** How the proxy frames a certificate: as OP Stack rollups have it, or as all others. */
export type CommitmentMode = 'op-generic' | 'standard'

export interface EigenDaOptions {
  /** Of the proxy, without a path. */
  readonly url: string
  readonly mode?: CommitmentMode
  readonly putTimeoutMs?: number
  readonly getTimeoutMs?: number
  readonly tries?: number
}

/** A blob has 16 MiB in elements of 32 bytes, 31 of them free; the first element is the payload's header. */
export const MAX_PAYLOAD_BYTES = ((16 * 1024 * 1024) / 32 - 1) * 31
const PREFIX = 'eigenda/'
/** What fits a reference, two digits a byte. */
const MAX_COMMITMENT_BYTES = Math.floor((MAX_AVAILABILITY - `${PREFIX}0x`.length) / 2)
/** More than any certificate has: beyond it an answer is nonsense, below it merely too long. */
const MAX_ANSWER_BYTES = 64 * 1024

/** Certification takes 10 to 20 s by the specification; a proxy may try a few times. */
const PUT_TIMEOUT_MS = 120_000
const GET_TIMEOUT_MS = 60_000
const TRIES = 4
/** Between tries where the proxy names no wait, doubled each time; and no wait is longer than the second. */
const WAIT_MS = 1000
const MAX_WAIT_MS = 15_000

export function eigenDaAvailability(options: EigenDaOptions): Availability {
  const { url, mode = 'op-generic', tries = TRIES } = options
  const base = url.replace(/\/+$/, '')
  return {
    name: 'eigenda',
    put: async (bytes, signal) => {
      if (bytes.length > MAX_PAYLOAD_BYTES) {
        const sizes = `${bytes.length} bytes; a blob of EigenDA holds ${MAX_PAYLOAD_BYTES}`
        throw new AvailabilityError('too-large', `The data has ${sizes}.`)
      }
      const timeoutMs = options.putTimeoutMs ?? PUT_TIMEOUT_MS
      const maxBytes = MAX_ANSWER_BYTES
      const request = { url: `${base}/put${query(mode)}`, body: bytes, maxBytes, timeoutMs, signal }
      return referenceOf(await patiently(request, tries), mode, base)
    },
    get: async (reference, signal) => {
      const parsed = parseReference(reference)
      const kept = parsed.layer === 'eigenda' ? modeOf(parsed.commitment) : undefined
      if (parsed.layer !== 'eigenda' || !kept) {
        const message = `${reference.slice(0, 60)} is no commitment of EigenDA.`
        throw new AvailabilityError('bad-reference', message)
      }
      const address = `${base}/get/${toHex(parsed.commitment)}${query(kept)}`
      const timeoutMs = options.getTimeoutMs ?? GET_TIMEOUT_MS
      const maxBytes = MAX_PAYLOAD_BYTES
      return await patiently({ url: address, maxBytes, timeoutMs, signal }, tries)
    },
  }
}

/**
 * In which mode a commitment is encoded: it says so itself. After the type 01 and the layer 00 comes a version and the
 * certificate; in the standard mode the certificate, an RLP list of 0xc0 or more, follows its version at once.
 */
export function modeOf(commitment: Uint8Array): CommitmentMode | undefined {
  const [first, second] = commitment
  if (first === 1 && second === 0) return commitment.length > 3 ? 'op-generic' : undefined
  return second !== undefined && second >= 0xc0 ? 'standard' : undefined
}

function query(mode: CommitmentMode): string {
  return mode === 'standard' ? '?commitment_mode=standard' : ''
}

function referenceOf(commitment: Uint8Array, mode: CommitmentMode, url: string): string {
  if (commitment.length > MAX_COMMITMENT_BYTES) {
    const message = `${url} gave a commitment of more than ${MAX_COMMITMENT_BYTES} bytes, which no batch header takes.`
    throw new AvailabilityError('too-long', message)
  }
  if (modeOf(commitment) === mode) return `${PREFIX}${toHex(commitment)}`
  const message = `${url} answered ${commitment.length} bytes that are no ${mode} commitment; is it an EigenDA proxy?`
  throw new AvailabilityError('malformed', message)
}

/** The body of an answer that succeeded; asks again, after the wait asked for, while told to slow down. */
async function patiently(request: ProxyRequest, tries: number): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask(request)
    if (answer.status === 200) return answer.body
    if (answer.status !== 429 || attempt >= tries) throw failureOf(answer, new URL(request.url))
    await sleep(waitMs(answer.retryAfter, attempt), undefined, { signal: request.signal })
  }
}

/** Seconds or a date, as RFC 9110 has it; never longer than we are willing to. */
function waitMs(retryAfter: string | null, attempt: number): number {
  const asked = retryAfter === null || retryAfter.trim() === '' ? Number.NaN : Number(retryAfter)
  const untilMs = Number.isNaN(asked) ? Date.parse(retryAfter ?? '') - Date.now() : asked * 1000
  const wantedMs = Number.isNaN(untilMs) ? WAIT_MS * 2 ** (attempt - 1) : untilMs
  return Math.min(MAX_WAIT_MS, Math.max(0, wantedMs))
}

const Teapot = z.object({ StatusCode: z.number().int().min(0).max(65_535) })

function failureOf({ status, body }: ProxyAnswer, { origin }: URL): AvailabilityError {
  const said = wordsOf(body)
  switch (status) {
    case 404:
      return new AvailabilityError('missing', `${origin} does not have that data: ${said}`)
    case 418: {
      const statusCode = statusCodeOf(body)
      const code = statusCode === undefined ? 'without a code' : `code ${statusCode}`
      const message = `EigenDA holds that certificate for invalid (${code}): drop the batch that names it.`
      return new AvailabilityError('dropped', message, { statusCode })
    }
    case 429:
      return new AvailabilityError('busy', `${origin} asks for fewer requests; try again later.`)
    case 503:
      return new AvailabilityError('unavailable', `EigenDA is down, says ${origin}: ${said}`)
    default:
      return new AvailabilityError('refused', `${origin} answered ${status}: ${said}`)
  }
}

function statusCodeOf(body: Uint8Array): number | undefined {
  try {
    return Teapot.parse(JSON.parse(Buffer.from(body).toString('utf8'))).StatusCode
  } catch {
    // No JSON, or none of that form: the status says enough.
    return undefined
  }
}
