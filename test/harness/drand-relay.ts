/** A drand network with one key, and a relay of its rounds over HTTP, which can be told to misbehave. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { type DrandNetwork, roundMessage, roundTimeMs } from '../../protocol/drand.ts'
import { type Hash, keccak, toHex, utf8 } from '../../protocol/hash.ts'
import { type Fault, misbehave } from './misbehaving.ts'

const { shortSignatures, fields } = bls12_381

export interface TestNetwork extends DrandNetwork {
  /** 48 bytes. */
  sign(round: number): Uint8Array
  randomness(round: number): Hash
}

export function testNetwork(name: string, genesisMs: number, periodMs = 3000): TestNetwork {
  const secret = fields.Fr.toBytes(fields.Fr.create(BigInt(toHex(keccak(utf8(name))))))
  const publicKey = shortSignatures.getPublicKey(secret).toHex()
  const sign = (round: number): Uint8Array =>
    shortSignatures.sign(roundMessage(round), secret).toBytes()
  return {
    chainHash: toHex(keccak(utf8(`${name} chain`))).slice(2),
    publicKey,
    ...{ genesisMs, periodMs },
    sign,
    randomness: (round) => toHex(sha256(sign(round))) as Hash,
  }
}

/** What a relay says of a round. */
export function roundJson(round: number, signature: Uint8Array): string {
  return JSON.stringify({ round, randomness: '00', signature: toHex(signature).slice(2) })
}

export class TestRelay {
  url = ''
  /** Rounds that it was asked for, and when. */
  readonly asked: { readonly round: number; readonly atMs: number }[] = []
  /** What it does instead of answering, always. */
  fault: Fault | ((round: number) => Fault) | undefined
  /** Requests that are under way. */
  open = 0
  readonly #network: TestNetwork
  readonly #server: Server

  private constructor(network: TestNetwork) {
    this.#network = network
    this.#server = createServer(({ url = '' }, response) => this.#answer(url, response))
  }

  static async start(network: TestNetwork): Promise<TestRelay> {
    const relay = new TestRelay(network)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    relay.url = `http://127.0.0.1:${(relay.#server.address() as AddressInfo).port}`
    return relay
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((closed) => this.#server.close(() => closed()))
  }

  #answer(url: string, response: ServerResponse): void {
    const [, chainHash, route, number] = url.split('/')
    const round = Number(number)
    this.open += 1
    response.once('close', () => {
      this.open -= 1
    })
    this.asked.push({ round, atMs: Date.now() })
    const { fault } = this
    if (fault) {
      misbehave(typeof fault === 'function' ? fault(round) : fault, response)
      return
    }
    const isThere = chainHash === this.#network.chainHash && route === 'public'
    if (!isThere || roundTimeMs(this.#network, round) > Date.now()) {
      response.writeHead(404).end()
      return
    }
    response.end(roundJson(round, this.#network.sign(round)))
  }
}
