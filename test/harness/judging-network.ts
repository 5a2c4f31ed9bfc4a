/** A chain with validators of whom some run as nodes, and what these hear: the stage for disputes. */
import type { News } from '../../coordinator-free/events.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { BatchData } from '../../protocol/settlement.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { EmbeddedChain, type Person, TERMS } from './embedded-chain.ts'
import { JudgedBatch } from './judged-batch.ts'
import { JudgingNode, type JudgingNodeOptions } from './judging-node.ts'

const OPEN = 10n ** 18n
export const BOND = (OPEN * BigInt(INITIAL_VALUES.challengeBondGwei)) / 10n ** 9n
export const STAKE = 10n * OPEN
/** The tests put the chain's clock forward, so nobody has to hurry and nobody waits. */
export const [ANSWER_SECONDS, COMMIT_SECONDS, REVEAL_SECONDS] = [60, 120, 120]

interface Cast {
  /** Validators that passed the claim; none of them runs as a node. */
  readonly accused: readonly Person[]
  readonly honest: readonly Person[]
  /** How many bonds each node may lose. */
  readonly bonds: bigint
  readonly find: JudgingNodeOptions['find']
  /** False where nobody gets the batch's data. */
  readonly isShown?: boolean
  /** How long a batch may be doubted. */
  readonly windowSeconds?: number
}

export class JudgingNetwork {
  readonly nodes: JudgingNode[] = []
  readonly judged: JudgedBatch
  readonly chain: EmbeddedChain
  readonly #cast: Cast
  readonly #clients = new Map<Person, ChainClient>()
  readonly #batches: ReadonlyMap<number, BatchData>
  readonly #news: News[] = []
  readonly #over = new AbortController()

  private constructor(chain: EmbeddedChain, judged: JudgedBatch, cast: Cast) {
    this.chain = chain
    this.judged = judged
    this.#cast = cast
    this.#batches = new Map(cast.isShown === false ? [] : [[1, judged.data]])
  }

  /** The news are those that the first honest node hears. */
  static async open(cast: Cast): Promise<JudgingNetwork> {
    const { accused, honest, windowSeconds = TERMS.windowSeconds } = cast
    const parameters = {
      answerSeconds: ANSWER_SECONDS,
      commitSeconds: COMMIT_SECONDS,
      revealSeconds: REVEAL_SECONDS,
    }
    const chain = await EmbeddedChain.start({
      ...{ ...TERMS, windowSeconds, exitDelaySeconds: 3600, parameters },
    })
    for (const one of [...accused, ...honest]) await chain.stake(one, ['validator'], STAKE)
    const network = new JudgingNetwork(chain, await JudgedBatch.of(chain, accused), cast)
    for (const one of honest) network.#clients.set(one, await chain.clientOf(one))
    for (const one of honest) await network.start(one)
    network.nodes[0]!.runtime.onNews((told) => network.#news.push(told))
    return network
  }

  clientOf(one: Person): ChainClient {
    return this.#clients.get(one)!
  }

  start(one: Person): Promise<JudgingNode> {
    const { bonds, find } = this.#cast
    return JudgingNode.start({
      ...{ chain: this.chain, network: this.nodes, batches: this.#batches, find },
      ...{ person: one, client: this.clientOf(one), challengeBudgetWei: bonds * BOND },
    })
  }

  /** All endorse the batch, and it is posted. */
  post(): Promise<void> {
    return this.judged.post([...this.#cast.accused, ...this.#cast.honest])
  }

  heard<K extends News['kind']>(kind: K): Extract<News, { kind: K }>[] {
    return this.#news.filter((told): told is Extract<News, { kind: K }> => told.kind === kind)
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) await sleep(20, this.#over.signal)
  }

  /** Aborted when the tests are over. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  async stakeOf({ account }: Person): Promise<bigint> {
    return (await this.#clients.values().next().value!.member(account)).stakeWei
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the tests are over'))
    for (const node of [...this.nodes]) await node.kill()
    await this.chain.stop()
  }
}
