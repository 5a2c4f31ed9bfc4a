/** Relays hand on what a drand network has signed. They are asked in turn and believed in nothing. */
import { z } from 'zod'
import {
  DRAND_SIGNATURE_BYTES,
  type DrandNetwork,
  type RoundReader,
  roundReader,
} from '../../protocol/drand.ts'
import { fromHex, type Hash } from '../../protocol/hash.ts'
import { boundedFetch, isLate, whyNot } from '../bounded-fetch.ts'

/** Why a relay was passed over. */
export interface PassedOver {
  readonly relay: string
  readonly reason: string
  /** True where it says that it has no such round, as relays do for a moment when the round is new. */
  readonly lacksIt: boolean
}

export interface RelayOptions {
  readonly network: DrandNetwork
  /** Addresses that go before `/HASH/public/ROUND`. */
  readonly urls: readonly string[]
  /** How long one answer may take. A relay answers in a tenth of a second or two. */
  readonly answerWaitMs?: number
}

const ANSWER_WAIT_MS = 3000
/** A round has some 300 bytes. */
const MAX_ROUND_BYTES = 2048

/** Also has `randomness`, which follows from the signature, and is not asked for. */
const Round = z.object({
  round: z.int().min(1),
  signature: z
    .string()
    .regex(/^[0-9a-f]*$/i)
    .length(2 * DRAND_SIGNATURE_BYTES),
})

export class Relays {
  readonly #urls: string[]
  readonly #answerWaitMs: number
  readonly #chainHash: string
  readonly #read: RoundReader

  constructor({ network, urls, answerWaitMs = ANSWER_WAIT_MS }: RelayOptions) {
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''))
    this.#answerWaitMs = answerWaitMs
    this.#chainHash = network.chainHash
    this.#read = roundReader(network)
  }

  /**
   * Asks one after the other for a round's randomness; who had it last is asked first the next time.
   * @returns who was passed over, and the randomness where one had it
   */
  async ask(
    round: number,
    signal: AbortSignal,
  ): Promise<{ readonly randomness?: Hash; readonly passedOver: readonly PassedOver[] }> {
    const passedOver: PassedOver[] = []
    for (const relay of [...this.#urls]) {
      const answer = await this.#askOne(relay, round, signal)
      if (typeof answer === 'string') {
        this.#urls.sort((a, b) => Number(b === relay) - Number(a === relay))
        return { randomness: answer, passedOver }
      }
      passedOver.push({ relay, ...answer })
    }
    return { passedOver }
  }

  async #askOne(
    relay: string,
    round: number,
    signal: AbortSignal,
  ): Promise<Hash | Omit<PassedOver, 'relay'>> {
    const url = `${relay}/${this.#chainHash}/public/${round}`
    const timeoutMs = this.#answerWaitMs
    try {
      const maxBytes = (): number => MAX_ROUND_BYTES
      const { status, body, more } = await boundedFetch({ url, maxBytes, timeoutMs, signal })
      // 425 is Too Early.
      if (status === 404 || status === 425) return { reason: `HTTP ${status}`, lacksIt: true }
      if (status !== 200) return wrong(`HTTP ${status}`)
      if (more) return wrong(`more than ${MAX_ROUND_BYTES} bytes`)
      return this.#judge(round, body)
    } catch (error) {
      signal.throwIfAborted()
      return wrong(isLate(error) ? `no answer within ${timeoutMs} ms` : whyNot(error))
    }
  }

  #judge(round: number, body: Uint8Array): Hash | Omit<PassedOver, 'relay'> {
    const given = roundIn(body)
    if (!given) return wrong('no round in its answer')
    if (given.round !== round) return wrong(`round ${given.round} instead`)
    return this.#read(round, fromHex(given.signature)) ?? wrong('not signed by the network')
  }
}

function wrong(reason: string): Omit<PassedOver, 'relay'> {
  return { reason, lacksIt: false }
}

function roundIn(body: Uint8Array): z.output<typeof Round> | undefined {
  try {
    return Round.parse(JSON.parse(Buffer.from(body).toString('utf8')))
  } catch {
    // No JSON, or none of that form.
    return undefined
  }
}
