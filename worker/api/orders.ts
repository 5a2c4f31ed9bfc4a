/** Turns what a person asks for into a signed job: content into IPFS, a voucher that reaches far enough, and off it goes. */
import { randomBytes } from 'node:crypto'
import { owedWei } from '../../coordinator-free/charges.ts'
import { Prompt } from '../../protocol/answer.ts'
import type { Cid } from '../../protocol/fields.ts'
import { type Hash, toHex } from '../../protocol/hash.ts'
import { type Job, maxFeeWei } from '../../protocol/job.ts'
import { sign } from '../../protocol/signature.ts'
import { type Domain, digest } from '../../protocol/struct.ts'
import { FineTuneSpec } from '../../protocol/tuning.ts'
import { Voucher } from '../../protocol/voucher.ts'
import type { Runtime } from '../runtime.ts'
import type { Content } from '../storage/content.ts'
import type { Key } from '../storage/keys.ts'

export interface OrderOptions {
  readonly runtime: Runtime
  readonly content: Content
  readonly key: Key
  readonly vouchers: Domain
  /** Wei that it pays for a unit. */
  readonly unitWei: Readonly<Record<Job['task'], bigint>>
  /** Where this node's content can be had. */
  readonly providers: () => string[]
}

const DEADLINE_MS: Readonly<Record<Job['task'], number>> = {
  inference: 10 * 60_000,
  'fine-tune': 45 * 60_000,
}
/** Blocks until the one whose hash seeds a fine-tune: nobody can have mined it already. */
const SEED_BLOCKS_AHEAD = 2

export class OrderError extends Error {
  override readonly name = 'OrderError'
}

export class Orders {
  readonly #options: OrderOptions
  /** Vouchers are cumulative, so orders are written one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: OrderOptions) {
    this.#options = options
  }

  async answer(model: Cid, adapter: Cid | '', prompt: Prompt): Promise<Hash> {
    const input = await this.#options.content.put(Prompt, prompt, 'a-month')
    return this.#submit({ task: 'inference', model, adapter, input, maxUnits: prompt.maxTokens })
  }

  async fineTune(model: Cid, spec: FineTuneSpec): Promise<Hash> {
    const input = await this.#options.content.put(FineTuneSpec, spec)
    const maxUnits = spec.steps * spec.batchExamples * spec.exampleTokens
    return this.#submit({ task: 'fine-tune', model, adapter: '', input, maxUnits })
  }

  #submit(order: Pick<Job, 'task' | 'model' | 'adapter' | 'input' | 'maxUnits'>): Promise<Hash> {
    const submitted = this.#last.then(() => this.#options.runtime.submit(this.#job(order)))
    this.#last = submitted.catch(() => undefined)
    return submitted
  }

  #job(order: Pick<Job, 'task' | 'model' | 'adapter' | 'input' | 'maxUnits'>): Job {
    const { runtime, key, vouchers, providers, unitWei: bids } = this.#options
    const { ledger } = runtime.core
    const escrow = ledger.escrows.get(key.address)
    const unitWei = bids[order.task]
    const feeWei = maxFeeWei({ ...order, unitWei })
    const voucherWei = owedWei(ledger, key.address) + feeWei
    if (!escrow || voucherWei - escrow.redeemedWei > escrow.balanceWei) {
      throw new OrderError(
        `The escrow of ${key.address} does not cover this job: it takes ${feeWei} wei. Deposit more OPEN (start with --escrow).`,
      )
    }
    const voucher = { payer: key.address, cumulativeWei: voucherWei }
    const nowMs = Date.now()
    const head = ledger.head?.number ?? 0
    return {
      ...order,
      requester: key.address,
      precision: 'cpu-exact',
      unitWei,
      voucherWei,
      voucherSignature: sign(digest(Voucher, voucher, vouchers), key.privateKey),
      seedBlock: order.task === 'fine-tune' ? head + SEED_BLOCKS_AHEAD : 0,
      providers: providers().slice(0, 4),
      nonce: toHex(randomBytes(32)) as Hash,
      issuedAtMs: nowMs,
      deadlineMs: nowMs + DEADLINE_MS[order.task],
    }
  }
}
