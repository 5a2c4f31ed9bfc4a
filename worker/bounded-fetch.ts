/** One HTTP request to somebody who is trusted with nothing: bounded in time and in bytes, and never led elsewhere. */

export interface BoundedRequest {
  readonly url: string
  /** Sent by POST where given, else the request is a GET. */
  readonly body?: Uint8Array
  /** Of an answer's body, by its status. */
  readonly maxBytes: (status: number) => number
  /** For all of it, to the body's last byte. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface BoundedAnswer {
  readonly status: number
  readonly headers: Headers
  /** The first bytes, as many as are allowed. */
  readonly body: Uint8Array
  /** True where there would have been more. */
  readonly more: boolean
}

/** Throws what `fetch` throws: see `isLate`. */
export async function boundedFetch(request: BoundedRequest): Promise<BoundedAnswer> {
  const { url, body, timeoutMs, signal } = request
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    // Another address is not the one that the operator named.
    redirect: 'error',
    ...(body && {
      method: 'POST',
      body: Uint8Array.from(body),
      headers: { 'content-type': 'application/octet-stream' },
    }),
  })
  const { status, headers } = response
  return { status, headers, ...(await readBody(response, request.maxBytes(status))) }
}

/** True of the error of a request whose time was over. */
export function isLate(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/** Why there is no answer; `fetch` itself says only that it failed. */
export function whyNot(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message !== '' ? cause.message : message
}

/** The body's first bytes, and whether there are more; the rest is not waited for. */
async function readBody(
  response: Response,
  maxBytes: number,
): Promise<{ body: Uint8Array; more: boolean }> {
  const parts: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the stream, and with it the connection.
  for await (const part of response.body ?? []) {
    parts.push(part)
    length += part.length
    if (length > maxBytes) break
  }
  return { body: Buffer.concat(parts).subarray(0, maxBytes), more: length > maxBytes }
}
