/** An embedded chain that is killed and comes back, with a contract that logs whatever it is sent. */
import { rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { getContractAddress, type Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { z } from 'zod'
import type { Address } from '../../protocol/fields.ts'
import { type Anvil, startAnvil } from '../../worker/chain/anvil.ts'
import { fundEmbedded } from '../../worker/chain/deploy.ts'
import { Outbox } from '../../worker/chain/outbox.ts'
import { memoryStore } from '../../worker/chain/outbox-file.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { sleep } from '../../worker/chain/wait.ts'

export const CHAIN_ID = 31_337
const BASE = fileURLToPath(new URL('../../.tributary/bench', import.meta.url))
const FUNDS_WEI = 10n ** 24n
/** The embedded chain's own default: what a kill may cost, in seconds of blocks. */
const STATE_INTERVAL_SECONDS = 2

export class MortalChain {
  readonly folder: string
  #anvil: Anvil

  private constructor(folder: string, anvil: Anvil) {
    this.folder = folder
    this.#anvil = anvil
  }

  static async start(name: string): Promise<MortalChain> {
    const folder = path.join(BASE, `${name}-${process.pid}`)
    return new MortalChain(folder, await startIn(folder, 0))
  }

  get url(): string {
    return this.#anvil.url
  }

  /** Kills the chain as a power cut would, and starts it on what it had written. */
  async killAndRestart(): Promise<void> {
    const { port, pids, exited } = this.#anvil
    process.kill(pids.at(-1)!, 'SIGKILL')
    await exited
    this.#anvil = await startIn(this.folder, port)
  }

  /** A new account with money. */
  async account(): Promise<{ privateKey: Hex; address: Address }> {
    const privateKey = generatePrivateKey()
    const address = privateKeyToAccount(privateKey).address.toLowerCase() as Address
    await fundEmbedded(this.url, address, FUNDS_WEI)
    return { privateKey, address }
  }

  /** Puts code on the chain; returns when it would survive a kill. */
  async install(code: Hex): Promise<Address> {
    const { privateKey, address } = await this.account()
    using rpc = new Rpc(this.url)
    const account = privateKeyToAccount(privateKey)
    const outbox = new Outbox({ rpc, chainId: CHAIN_ID, account, store: memoryStore() })
    await outbox.send({ what: 'install', data: creationOf(code) })
    await this.#written()
    return getContractAddress({ from: address, nonce: 0n }).toLowerCase() as Address
  }

  async ask<S extends z.ZodType>(
    schema: S,
    method: string,
    params: readonly unknown[] = [],
  ): Promise<z.output<S>> {
    using rpc = new Rpc(this.url)
    return await rpc.request(schema, method, params)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#anvil.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Until the state, and its copy, were written after all that has happened so far. */
  async #written(): Promise<void> {
    for (const file of ['state.json', 'state.json.copy']) {
      const sinceMs = Date.now() + 1000 * STATE_INTERVAL_SECONDS
      const isOld = async (): Promise<boolean> => {
        const found = await stat(path.join(this.folder, file)).catch(() => undefined)
        return found === undefined || found.mtimeMs < sinceMs
      }
      while (await isOld()) await sleep(100)
    }
  }
}

function startIn(dataFolder: string, port: number): Promise<Anvil> {
  const stateIntervalSeconds = STATE_INTERVAL_SECONDS
  return startAnvil({ dataFolder, chainId: CHAIN_ID, port, stateIntervalSeconds })
}

/** Copies the code that follows these twelve bytes: PUSH2 length DUP1 PUSH1 12 PUSH0 CODECOPY PUSH0 RETURN, padded. */
function creationOf(code: Hex): Hex {
  const length = ((code.length - 2) / 2).toString(16).padStart(4, '0')
  return `0x61${length}80600c5f395ff35b5b${code.slice(2)}`
}
