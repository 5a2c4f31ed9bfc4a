/** One request to a proxy that is trusted with nothing: bounded in time, in bytes, and in what its words may do. */
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
  const { url, body, timeoutMs, signal } = request
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const response = await fetch(url, {
      signal: deadline,
      // Another address is not the one that the operator named.
      redirect: 'error',
      ...(body && {
        method: 'POST',
        body: Uint8Array.from(body),
        headers: { 'content-type': 'application/octet-stream' },
      }),
    })
    const { status } = response
    const held = await readBody(response, status === OK ? request.maxBytes : MAX_ERROR_BYTES)
    if (status === OK && held.more) {
      const origin = new URL(url).origin
      const message = `${origin} sent more than ${request.maxBytes} bytes, which no data has; ask another proxy.`
      throw new AvailabilityError('malformed', message)
    }
    return { status, body: held.bytes, retryAfter: response.headers.get('retry-after') }
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof AvailabilityError) throw cause
    throw new AvailabilityError('unreachable', unreachable(url, timeoutMs, deadline), { cause })
  }
}

/** The body's first bytes, and whether there are more; the rest is not waited for. */
async function readBody(
  response: Response,
  maxBytes: number,
): Promise<{ bytes: Uint8Array; more: boolean }> {
  const parts: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the stream, and with it the connection.
  for await (const part of response.body ?? []) {
    parts.push(part)
    length += part.length
    if (length > maxBytes) break
  }
  return { bytes: Buffer.concat(parts).subarray(0, maxBytes), more: length > maxBytes }
}

function unreachable(url: string, timeoutMs: number, deadline: AbortSignal): string {
  const { origin } = new URL(url)
  return deadline.aborted
    ? `${origin} did not answer within ${timeoutMs} ms; is it overloaded?`
    : `${origin} cannot be reached; is the proxy running, and is --eigenda-proxy right?`
}

/** A stranger's words, short and without what would move a terminal's cursor. */
export function wordsOf(body: Uint8Array): string {
  const text = Buffer.from(body.subarray(0, 200)).toString('latin1')
  return text.replaceAll(/[^ -~]+/g, ' ').trim()
}
