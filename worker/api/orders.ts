/** Turns what a person asks for into a signed job: content into IPFS, a voucher that reaches far enough, and off it goes. */
import { randomBytes } from 'node:crypto'
import { owedWei } from '../../coordinator-free/charges.ts'
import { isSettledAdapter } from '../../coordinator-free/registrations.ts'
import { Adapter, runFault, stepsDone } from '../../protocol/adapter.ts'
import { Prompt } from '../../protocol/answer.ts'
import type { Cid } from '../../protocol/fields.ts'
import { type Hash, toHex } from '../../protocol/hash.ts'
import { type Job, maxFeeWei } from '../../protocol/job.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { sign } from '../../protocol/signature.ts'
import { type Domain, digest } from '../../protocol/struct.ts'
import { FineTuneSpec, unitsOf } from '../../protocol/tuning.ts'
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

/** What the parts of a run may have each otherwise. */
export interface PartOfRun {
  readonly steps?: number | undefined
  readonly segmentSteps?: number | undefined
  readonly patience?: number | undefined
}

/** A fine-tune on its way: so many steps of the run, from this one on. */
export interface TuneOrder extends Pick<FineTuneSpec, 'steps' | 'runSteps'> {
  readonly jobId: Hash
  readonly firstStep: number
}

interface Tuning {
  readonly model: Cid
  readonly adapter: Cid | ''
  readonly spec: FineTuneSpec
  readonly firstStep: number
}

export class OrderError extends Error {
  override readonly name = 'OrderError'
  readonly code: 'unfunded' | 'cannot-go-on'

  constructor(code: OrderError['code'], message: string) {
    super(message)
    this.code = code
  }
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

  async fineTune(model: Cid, spec: FineTuneSpec): Promise<TuneOrder> {
    return this.#tune({ model, adapter: '', spec, firstStep: 0 })
  }

  /** The next part of a run, as large as the one before where nothing else is said. @throws OrderError where there is none */
  async goOn(adapter: Cid, wanted: PartOfRun, signal: AbortSignal): Promise<TuneOrder> {
    const { runtime, content } = this.#options
    if (!isSettledAdapter(runtime.core.ledger, adapter)) {
      throw cannotGoOn(adapter, 'this node knows of no batch that settles its fine-tune')
    }
    const earlier = await content.get(Adapter, adapter, { signal })
    const before = await content.get(FineTuneSpec, earlier.spec, { signal })
    const firstStep = stepsDone(earlier)
    const left = before.runSteps - firstStep
    if (left === 0) throw cannotGoOn(adapter, `all ${before.runSteps} steps of its run are done`)
    const { cid } = earlier.states.at(-1)!
    if (!(await content.bytes(cid, { signal }).catch(() => undefined))) {
      throw cannotGoOn(adapter, 'nobody delivers its last state; workers keep states for a month')
    }
    const { segmentSteps = before.segmentSteps, patience = before.patience } = wanted
    const steps = Math.min(wanted.steps ?? before.steps, left)
    const spec = { ...before, steps, segmentSteps, patience }
    const fault = runFault(spec)
    if (fault) throw cannotGoOn(adapter, fault)
    return this.#tune({ model: earlier.base, adapter, spec, firstStep })
  }

  async #tune({ model, adapter, spec, firstStep }: Tuning): Promise<TuneOrder> {
    const input = await this.#options.content.put(FineTuneSpec, spec)
    const { steps, runSteps } = spec
    const maxUnits = unitsOf(spec, steps)
    const jobId = await this.#submit({ task: 'fine-tune', model, adapter, input, maxUnits })
    return { jobId, firstStep, steps, runSteps }
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
    const promisedWei = owedWei(ledger, key.address)
    const voucherWei = promisedWei + feeWei
    const leftWei = escrow ? escrow.balanceWei + escrow.redeemedWei - promisedWei : 0n
    if (leftWei < feeWei) {
      const left = formatOpen(leftWei > 0n ? leftWei : 0n, 18)
      throw new OrderError(
        'unfunded',
        `The escrow of ${key.address} has ${left} OPEN left, and this job may take ${formatOpen(feeWei, 18)}. Start the gateway again with more: --escrow.`,
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

function cannotGoOn(adapter: Cid, why: string): OrderError {
  return new OrderError('cannot-go-on', `Nobody can go on from adapter ${adapter}: ${why}.`)
}
