/** One request to a proxy that is trusted with nothing: bounded in time, in bytes, and in what its words may do. */
import { boundedFetch, isLate, whyNot } from '../bounded-fetch.ts'
import { AvailabilityError } from './errors.ts'

export interface ProxyAnswer {
  readonly status: number
  readonly body: Uint8Array
  /** The header as it was sent. */
  readonly retryAfter: string | null
}

export interface ProxyRequest {
  readonly url: string
  /** Sent by POST where given, else the request is a GET. */
  readonly body?: Uint8Array
  /** Of an answer's body, at the most, where the request succeeded. */
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Bytes of an error's body that are read: enough for a status code and a sentence. */
const MAX_ERROR_BYTES = 1024
const OK = 200

/** @throws AvailabilityError `unreachable`, or `malformed` where the body has more bytes than allowed */
export async function ask(request: ProxyRequest): Promise<ProxyAnswer> {
  const { status, headers, body, more } = await fetched(request)
  if (status === OK && more) {
    const { origin } = new URL(request.url)
    const message = `${origin} sent more than ${request.maxBytes} bytes, which no data has; ask another proxy.`
    throw new AvailabilityError('malformed', message)
  }
  return { status, body, retryAfter: headers.get('retry-after') }
}

async function fetched({ maxBytes, ...request }: ProxyRequest) {
  try {
    const bound = (status: number): number => (status === OK ? maxBytes : MAX_ERROR_BYTES)
    return await boundedFetch({ ...request, maxBytes: bound })
  } catch (cause) {
    request.signal.throwIfAborted()
    throw new AvailabilityError('unreachable', unreachable(request, cause), { cause })
  }
}

function unreachable({ url, timeoutMs }: Omit<ProxyRequest, 'maxBytes'>, cause: unknown): string {
  const { origin } = new URL(url)
  return isLate(cause)
    ? `${origin} did not answer within ${timeoutMs} ms; is it overloaded?`
    : `${origin} gave no answer (${whyNot(cause)}); is the proxy running, and is --eigenda-proxy right?`
}

/** A stranger's words, short and without what would move a terminal's cursor. */
export function wordsOf(body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, 200)).toString('latin1')
  return text.replaceAll(/[^ -~]+/g, ' ').trim()
}
