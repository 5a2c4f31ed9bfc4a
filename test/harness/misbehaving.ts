/** What a stranger's HTTP server may do instead of answering. */
import type { ServerResponse } from 'node:http'

/** What the next requests get instead of an answer. */
export interface Fault {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Sent over and over until the other side has enough. */
  readonly endless?: boolean
  /** A byte now and then, and no end. */
  readonly trickling?: boolean
  /** No answer at all. */
  readonly silent?: boolean
}

export function misbehave(fault: Fault, response: ServerResponse): void {
  if (fault.silent) return
  if (fault.trickling) {
    trickle(response)
    return
  }
  if (!fault.endless) {
    response.writeHead(fault.status ?? 200, fault.headers)
    response.end(fault.body)
    return
  }
  const part = Buffer.alloc(1024 * 1024, 7)
  const pump = (): void => {
    while (!response.destroyed && response.write(part));
    if (!response.destroyed) response.once('drain', pump)
  }
  pump()
}

function trickle(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write(' '), 20)
  response.once('close', () => clearInterval(timer))
}
