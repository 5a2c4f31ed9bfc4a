/**
 * A validator with the production core, runtime, chain and performers of disputes, for tests on a real chain. It has no
 * models: what it finds in a claim is told to it. Its network is a list of others in the same process.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Core } from '../../coordinator-free/node.ts'
import type { Claim } from '../../protocol/claim.ts'
import type { Envelope } from '../../protocol/envelope.ts'
import type { Seen } from '../../protocol/opening.ts'
import type { BatchData } from '../../protocol/settlement.ts'
import type { Verdict } from '../../protocol/vote.ts'
import { chainBeacon } from '../../worker/beacon/beacon.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { followChain } from '../../worker/chain/follow.ts'
import { judging } from '../../worker/effects/judging.ts'
import { performGiveBack, performTakeBack } from '../../worker/effects/settle.ts'
import { type Performers, Runtime } from '../../worker/runtime.ts'
import { Ballots } from '../../worker/storage/ballots.ts'
import { Journal } from '../../worker/storage/journal.ts'
import { createLogger, type Logger } from '../../worker/telemetry/logger.ts'
import type { EmbeddedChain, Person } from './embedded-chain.ts'

export interface JudgingNodeOptions {
  readonly chain: EmbeddedChain
  readonly person: Person
  readonly client: ChainClient
  readonly challengeBudgetWei: bigint
  /** What a run of a claim shows. */
  readonly find: (claim: Claim) => { readonly verdict: Verdict; readonly seen: Seen }
  /** Data of posted batches, by number. */
  readonly batches: ReadonlyMap<number, BatchData>
  readonly network: JudgingNode[]
}

export class JudgingNode {
  readonly runtime: Runtime
  readonly options: JudgingNodeOptions
  /** How many claims it has run again. */
  checked = 0
  readonly #stop = new AbortController()
  readonly #journal: Journal
  readonly #ballots: Ballots

  private constructor(options: JudgingNodeOptions) {
    const { chain, person, challengeBudgetWei } = options
    this.options = options
    const folder = join(chain.folder, person.account)
    mkdirSync(folder, { recursive: true })
    this.#journal = new Journal(folder, Date.now())
    this.#ballots = new Ballots(folder, Date.now())
    const { deployment } = chain
    const messages = domainOf(deployment, 'resultLedger')
    const createCore = () =>
      new Core({
        self: person.account,
        gate: { messages, vouchers: domainOf(deployment, 'feeEscrow') },
        rules: { treasury: deployment.treasury, stakers: deployment.addresses.stakeVault },
        parameters: { initial: deployment.parameters, epochSeconds: deployment.epochSeconds },
        challengeBudgetWei,
      })
    const core = { createCore, journal: this.#journal, privateKey: person.key, domain: messages }
    this.runtime = new Runtime({ ...core, log: LOG })
  }

  /** Starts a node on what an earlier one of the same person has left on the disk, and joins it to the network. */
  static async start(options: JudgingNodeOptions): Promise<JudgingNode> {
    const node = new JudgingNode(options)
    const { chain, network } = options
    const { caughtUp } = followChain({
      url: chain.anvil.url,
      deployment: chain.deployment,
      folder: join(chain.folder, options.person.account),
      runtime: node.runtime,
      log: LOG,
      onRewound: () => {},
      signal: node.#stop.signal,
    })
    await caughtUp
    node.runtime.start({
      performers: node.#performers(),
      publish: async (bytes) => {
        for (const other of network) if (other !== node) other.runtime.judge(bytes)
      },
      keep: async () => {},
      reconcile: async (have) => node.#ask(have),
    })
    network.push(node)
    return node
  }

  hear(...envelopes: Envelope[]): void {
    for (const { bytes } of envelopes) {
      this.runtime.dispatch({ kind: 'received', bytes, via: 'reconciliation' })
    }
  }

  /** As a kill would: nothing is finished, and what is on the disk stays. */
  async kill(): Promise<void> {
    const { network } = this.options
    network.splice(network.indexOf(this), 1)
    this.#stop.abort(new Error('killed'))
    await this.runtime.stop()
    this.#journal.close()
    this.#ballots.close()
  }

  #ask(have: readonly `0x${string}`[]): Uint8Array[] {
    return this.options.network
      .filter((other) => other !== this)
      .flatMap(({ runtime }) => runtime.dispatch({ kind: 'asked', peer: '', have: have as never }))
      .flatMap((effect) => (effect.kind === 'answer' ? [...effect.envelopes] : []))
  }

  #performers(): Performers {
    const { client: chain, find, batches } = this.options
    const never = (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const settle = { runtime: this.runtime, chain, log: LOG }
    const check = async ({ claim }: { claim: Claim }) => {
      this.checked += 1
      const found = find(claim)
      const reason = found.verdict === 'pass' ? 'none' : 'tokens-differ'
      return { ...found, reason, checked: 1 } as const
    }
    return {
      ...{ execute: never, follow: never, verify: never, read: never, post: never, offer: never },
      ...{ accuse: never, retrieve: never, register: never, finalise: never },
      'take-back': performTakeBack(settle),
      'give-back': performGiveBack(settle),
      'read-batch': async ({ header: { number } }) => {
        const data = batches.get(number)
        if (!data) throw new Error(`nobody has batch ${number}`)
        return { kind: 'batch-read', number, data }
      },
      ...judging({
        ...{ ...settle, ballots: this.#ballots, check, prove: async () => undefined },
        beacon: chainBeacon({ at: never }),
      }),
    }
  }
}

const LOG: Logger = createLogger('silent')
