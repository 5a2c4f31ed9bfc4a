/** A small EigenDA proxy over a map, which can be told to misbehave. It passes the same suite as a real one. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fromHex, keccak, toHex } from '../../protocol/hash.ts'
import { MAX_PAYLOAD_BYTES } from '../../worker/availability/eigenda.ts'
import { type Fault, misbehave } from './misbehaving.ts'

/** What stands before a certificate: type and layer, where an OP Stack rollup asks; then the version. */
const OP_GENERIC = Uint8Array.of(1, 0)
const VERSION = Uint8Array.of(2)
/** The head of an RLP list, which a certificate is. */
const LIST = Uint8Array.of(0xf8, 32)

export class TestProxy {
  /** Method and path of all requests so far. */
  readonly requests: string[] = []
  readonly #payloads = new Map<string, Uint8Array>()
  readonly #faults: Fault[] = []
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
  }

  static async start(): Promise<TestProxy> {
    const proxy = new TestProxy()
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next requests, one each, fail so. */
  fail(...faults: readonly Fault[]): void {
    this.#faults.push(...faults)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((closed) => this.#server.close(() => closed()))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    const method = request.method ?? ''
    this.requests.push(`${method} ${request.url}`)
    const fault = this.#faults.shift()
    const standard = searchParams.get('commitment_mode') === 'standard'
    if (fault) misbehave(fault, response)
    else if (method === 'GET' && pathname === '/health') end(response, 200)
    else if (method === 'POST' && pathname === '/put') await this.#put(request, response, standard)
    else if (method === 'GET' && pathname.startsWith('/get/')) {
      end(response, ...this.#get(pathname.slice('/get/'.length), standard))
    } else end(response, 404, 'no such route')
  }

  async #put(request: IncomingMessage, response: ServerResponse, standard: boolean): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const payload = Buffer.concat(parts)
    if (payload.length > MAX_PAYLOAD_BYTES) {
      end(response, 400, 'encoded blob is too large')
      return
    }
    const certificate = Buffer.concat([VERSION, LIST, keccak(payload)])
    this.#payloads.set(toHex(certificate), payload)
    end(response, 200, standard ? certificate : Buffer.concat([OP_GENERIC, certificate]))
  }

  #get(path: string, standard: boolean): [status: number, body: string | Uint8Array] {
    const hex = /^(?:0x)?((?:[0-9a-fA-F]{2})+)$/.exec(path)?.[1]
    if (hex === undefined) return [400, 'parsing error']
    const commitment = fromHex(hex)
    if (!standard && (commitment[0] !== 1 || commitment[1] !== 0)) {
      return [400, 'unsupported commitment type']
    }
    const certificate = toHex(standard ? commitment : commitment.subarray(OP_GENERIC.length))
    const payload = this.#payloads.get(certificate)
    return payload ? [200, payload] : [418, '{"StatusCode":1,"Msg":"cert parsing failed"}']
  }
}

function end(response: ServerResponse, status: number, body?: string | Uint8Array): void {
  response.writeHead(status)
  response.end(body)
}
