/** Talks to a node's HTTP interface: JSON in and out, server-sent events as they come. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { isLate } from '../bounded-fetch.ts'
import { WorldError } from '../errors.ts'
import { isAlive } from '../storage/lock.ts'

export class ClientError extends WorldError {
  override readonly name = 'ClientError'
}

export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/** Where nodes of this folder leave their addresses: started by hand, or by a demo that was kept. */
const PLACES = ['.tributary/node', '.tributary/demo/gateway']
const NodeFile = z.object({
  pid: z.int().positive(),
  api: z.url(),
  rpc: z.array(z.string()),
  deployment: z.string(),
})
type NodeFile = z.output<typeof NodeFile>

/** The node's address: as given, from the environment, or of a node that runs in this folder. */
export function nodeUrl(given: string | undefined): string {
  const url = given ?? process.env['TRIBUTARY_NODE']
  if (url !== undefined) {
    // As `start` prints it, or as applications are given it.
    if (/^https?:\/\/./.test(url)) return url.replace(/(\/v1)?(\/status)?\/?$/, '')
    throw new ClientError(`${url} is no address of a node. Name one such as http://127.0.0.1:8787.`)
  }
  const node = nodeHere()
  if (node) return node.api
  throw new ClientError(
    'No node runs in this folder. Start one (tributary start, or tributary demo --keep), or name one with --node http://….',
  )
}

/** What a node of this folder has left about itself, its chain included: one that runs before one that has ended. */
export function nodeHere(): NodeFile | undefined {
  const left = PLACES.flatMap((place) => nodeIn(place) ?? [])
  return left.find(({ pid }) => isAlive(pid)) ?? left[0]
}

/** What the node of a data folder has left about itself; nothing where there is none, or of another version. */
export function nodeIn(folder: string): NodeFile | undefined {
  const path = join(folder, 'node.json')
  if (!existsSync(path)) return undefined
  return NodeFile.safeParse(jsonOrNothing(readFileSync(path, 'utf8'))).data
}

export function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export class Client {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#json(await this.#fetch(path, { signal: signal ?? null }))
  }

  async bytes(path: string, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.#fetch(path, { signal: signal ?? null })
    const content = await response.arrayBuffer().catch((cause: unknown) => {
      if (signal?.aborted) throw cause
      throw this.#brokenOff('broke off', cause)
    })
    return new Uint8Array(content)
  }

  async post<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
    return this.#json(await this.#post(path, body, signal))
  }

  /** Server-sent events of a GET, or of a POST where there is a body. */
  async *events(path: string, signal: AbortSignal, body?: object): AsyncGenerator<ServerEvent> {
    const response = body
      ? await this.#post(path, body, signal)
      : await this.#fetch(path, { signal })
    let rest = ''
    for await (const part of this.#parts(response, signal)) {
      const blocks = (rest + part).split('\n\n')
      rest = blocks.pop()!
      // A comment keeps proxies from closing the connection.
      for (const block of blocks) if (!block.startsWith(':')) yield parseEvent(block)
    }
  }

  async *#parts(response: Response, signal: AbortSignal): AsyncGenerator<string> {
    try {
      yield* response.body!.pipeThrough(new TextDecoderStream())
    } catch (cause) {
      if (signal.aborted && !isLate(cause)) throw cause
      throw this.#brokenOff(isLate(cause) ? 'took too long' : 'broke off', cause)
    }
  }

  #brokenOff(what: string, cause: unknown): ClientError {
    return new ClientError(`The answer of ${this.url} ${what}. Is the node running?`, { cause })
  }

  async #json<T>(response: Response): Promise<T> {
    const answer = jsonOrNothing(await response.text())
    if (answer !== undefined) return answer as T
    throw new ClientError(`What answers at ${this.url} is no node. Name one with --node http://….`)
  }

  #post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null }
    return this.#fetch(path, init)
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${this.url}/v1${path}`, init)
    } catch (cause) {
      if (init.signal?.aborted) throw cause
      throw new ClientError(`No node answers at ${this.url}. Is it running?`, { cause })
    }
    if (response.ok) return response
    const problem = (await response.json().catch(() => undefined)) as
      | { error?: { message?: string } }
      | undefined
    throw new ClientError(problem?.error?.message ?? `${this.url} answered ${response.status}.`)
  }
}

function parseEvent(block: string): ServerEvent {
  const lines = block.split('\n')
  const field = (name: string): string =>
    lines
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trimStart())
      .join('\n')
  return { event: field('event') || 'message', data: field('data') }
}
