/**
 * JSON-RPC to one address of a chain, over WebSocket or HTTP. viem's own WebSocket transport knows no abort signal, waits for ever for
 * a connection and gives up for good after five; here a broken connection fails what was asked over it, and the next
 * request opens a new one.
 */
import { unescape as plain } from 'node:querystring'
import { z } from 'zod'
import { ChainError } from './errors.ts'
import { deferred, within } from './wait.ts'

/** Generous for one answer of a local or a remote node, in ms. */
const ANSWER_WAIT_MS = 10_000

const Answer = z.object({
  id: z.number().nullish(),
  result: z.unknown().optional(),
  error: z
    .object({ code: z.number(), message: z.string(), data: z.unknown().optional() })
    .optional(),
})
type Answer = z.infer<typeof Answer>

/** An error that the RPC answered with; a revert's bytes are in `data`. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly rpcCode: number
  readonly data: unknown

  constructor(rpcCode: number, message: string, data: unknown) {
    super(message)
    this.rpcCode = rpcCode
    this.data = data
  }
}

/** One WebSocket with the requests that wait for an answer over it. */
interface Connection {
  readonly socket: WebSocket
  /** Rejects where the connection does not come about. */
  readonly opened: Promise<void>
  readonly waiting: Map<number, (outcome: Answer | ChainError) => void>
}

export class Endpoint {
  /** For people: without what may be a key. */
  readonly url: string
  readonly #address: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #answerWaitMs: number
  #connection: Connection | undefined
  #nextId = 1

  /** @param url `ws:`, `wss:`, `http:` or `https:`. */
  constructor(url: string, answerWaitMs = ANSWER_WAIT_MS) {
    this.url = withoutKeys(url)
    const { address, headers } = withHeaders(url)
    this.#address = address
    this.#headers = headers
    this.#answerWaitMs = answerWaitMs
  }

  /**
   * Asks, and reads the answer by `schema`. Throws `ChainError`: `unreachable`, `timeout`, `aborted`, or `rpc-failed`
   * with an `RpcError` as its cause.
   */
  async request<S extends z.ZodType>(
    schema: S,
    method: string,
    params: readonly unknown[] = [],
    signal?: AbortSignal,
  ): Promise<z.output<S>> {
    const id = this.#nextId++
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    const asked = this.#address.startsWith('ws') ? this.#overSocket(id, body) : this.#overHttp(body)
    const { error, result } = await within(asked, this.#answerWaitMs, signal, () => {
      // A connection may be dead without a word: the next request shall not wait over the same one.
      this.close()
      throw new ChainError(
        'timeout',
        `${this.url} did not answer ${method} within ${this.#answerWaitMs} ms; is the chain running?`,
      )
    })
    if (error) {
      throw new ChainError('rpc-failed', `${this.url} answered ${method}: ${error.message}`, {
        cause: new RpcError(error.code, error.message, error.data),
      })
    }
    const read = schema.safeParse(result)
    if (read.success) return read.data
    const what = z.prettifyError(read.error).slice(0, 300)
    throw new ChainError(
      'rpc-failed',
      `${this.url} answered ${method} with something else: ${what}`,
    )
  }

  /** Closes the connection; what was asked over it fails. A later request opens it again. */
  close(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.socket.close()
    if (connection) this.#lose(connection)
  }

  async #overHttp(body: string): Promise<Answer> {
    let status = 0
    try {
      const response = await fetch(this.#address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#headers },
        body,
        // Ends what nobody waits for any more; the wait itself ends before.
        signal: AbortSignal.timeout(2 * this.#answerWaitMs),
      })
      status = response.status
      return Answer.parse(await response.json())
    } catch (cause) {
      if (status === 0) throw this.#unreachable('did not answer', cause)
      // A gateway's page of regrets, most likely: another try may find the chain behind it.
      throw this.#unreachable(`answered HTTP ${status} without JSON-RPC`, cause)
    }
  }

  async #overSocket(id: number, body: string): Promise<Answer> {
    this.#connection ??= this.#connect()
    const { socket, opened, waiting } = this.#connection
    await opened
    if (socket.readyState !== WebSocket.OPEN) throw this.#unreachable('has closed the connection')
    const outcome = await new Promise<Answer | ChainError>((resolve) => {
      waiting.set(id, resolve)
      socket.send(body)
    })
    if (outcome instanceof ChainError) throw outcome
    return outcome
  }

  #connect(): Connection {
    const opened = deferred<void>()
    const socket = new WebSocket(this.#address, { headers: this.#headers })
    const connection: Connection = { socket, opened: opened.promise, waiting: new Map() }
    const timer = setTimeout(() => socket.close(), this.#answerWaitMs)
    const lost = (): void => {
      clearTimeout(timer)
      if (this.#connection === connection) this.#connection = undefined
      opened.reject(this.#unreachable('cannot be reached'))
      this.#lose(connection)
    }
    socket.addEventListener('open', () => {
      clearTimeout(timer)
      opened.resolve()
    })
    socket.addEventListener('error', lost)
    socket.addEventListener('close', lost)
    socket.addEventListener('message', ({ data }) => this.#receive(connection, String(data)))
    return connection
  }

  #receive(connection: Connection, text: string): void {
    const answer = readAnswer(text)
    if (!answer) {
      // Whoever talks nonsense once is not waited for.
      this.#lose(connection, 'sent something that is no JSON-RPC')
      return
    }
    if (typeof answer.id !== 'number') return
    connection.waiting.get(answer.id)?.(answer)
    connection.waiting.delete(answer.id)
  }

  #lose({ waiting }: Connection, what = 'has closed the connection'): void {
    const error = this.#unreachable(what)
    for (const settle of waiting.values()) settle(error)
    waiting.clear()
  }

  #unreachable(what: string, cause?: unknown): ChainError {
    return new ChainError('unreachable', `${this.url} ${what}; is the chain running?`, { cause })
  }
}

/** Providers put keys into the path, the query, or before the host; logs and messages are read by others, too. */
function withoutKeys(url: string): string {
  if (!URL.canParse(url)) return url
  const { protocol, host, pathname, search } = new URL(url)
  return `${protocol}//${host}${pathname + search === '/' ? '' : '/…'}`
}

/** `fetch` takes no address with a name and a password before the host, and sockets leave them out: a header says them. */
function withHeaders(url: string): { address: string; headers: Record<string, string> } {
  if (!URL.canParse(url)) return { address: url, headers: {} }
  const parts = new URL(url)
  const { username, password } = parts
  if (username === '' && password === '') return { address: url, headers: {} }
  const pair = `${plain(username)}:${plain(password)}`
  Object.assign(parts, { username: '', password: '' })
  const authorization = `Basic ${Buffer.from(pair).toString('base64')}`
  return { address: parts.href, headers: { authorization } }
}

function readAnswer(text: string): Answer | undefined {
  try {
    return Answer.parse(JSON.parse(text))
  } catch {
    // Not an answer to anything.
    return undefined
  }
}
