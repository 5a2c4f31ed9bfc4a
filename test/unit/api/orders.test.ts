import { deepEqual, equal, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'mocha'
import { Adapter } from '../../../protocol/adapter.ts'
import type { Prompt } from '../../../protocol/answer.ts'
import type { Cid } from '../../../protocol/fields.ts'
import type { Job } from '../../../protocol/job.ts'
import { OPEN_WEI } from '../../../protocol/open-amount.ts'
import { FineTuneSpec } from '../../../protocol/tuning.ts'
import { type OrderOptions, Orders } from '../../../worker/api/orders.ts'
import { addressNumber, council, GATEWAY, tell } from '../../harness/council.ts'
import { fineTuneReceipt } from '../../harness/embedded-chain.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { cidNumber, hashNumber, keyNumber, VOUCHERS } from '../../harness/messages.ts'
import { posted } from '../../harness/settled.ts'

const { signal } = new AbortController()
const SPEC: FineTuneSpec = {
  datanet: cidNumber(1),
  lora: { rank: 2, alpha: 2, targets: ['q'] },
  optimiser: {
    ...{ learningRate: 0.01, schedule: 'cosine', warmupSteps: 1, weightDecay: 0 },
    ...{ beta1: 0.9, beta2: 0.99, epsilon: 1e-6 },
  },
  ...{ dropout: 0, exampleTokens: 16, batchExamples: 1, maxExamples: 16 },
  ...{ steps: 40, runSteps: 100, segmentSteps: 10, patience: 0 },
}

describe('the order of the next part of a run', () => {
  let content: MemoryContent
  let submitted: Job[]

  beforeEach(() => {
    content = new MemoryContent()
    submitted = []
  })

  /** A gateway that knows of a batch which settles this adapter. */
  async function gateway(change: Partial<Adapter> = {}): Promise<{ orders: Orders; adapter: Cid }> {
    const core = council(GATEWAY)
    const state = { hash: hashNumber(1), cid: await content.putFile(Uint8Array.of(1)) }
    const figures = {
      examples: 1,
      width: 1,
      columns: 1,
      damping: 1,
      cap: 1,
      scale: 1,
      duplicates: [],
    }
    const cids = { base: cidNumber(2), datanet: SPEC.datanet, files: cidNumber(3) }
    const adapter = await content.put(Adapter, {
      ...{ jobId: hashNumber(2), seed: hashNumber(3), ...cids },
      ...{ spec: await content.put(FineTuneSpec, SPEC), parent: '', firstStep: 0 },
      ...{ states: [state, state], seals: [hashNumber(4)] },
      ...{ losses: Array.from({ length: 40 }, () => 1), heldOutLosses: [] },
      ...{ heldOutLossBefore: 1, heldOutLossAfter: 1 },
      index: { features: cidNumber(4), rows: cidNumber(5), root: hashNumber(5), ...figures },
      spans: { root: hashNumber(6), tokens: 1 },
      ...change,
    })
    const held = { balanceWei: 10n ** 18n, leavingWei: 0n, redeemedWei: 0n }
    const payer = addressNumber(GATEWAY)
    tell(core, { kind: 'escrowed', blockNumber: 1, payer, ...held, authorisedWei: 0n })
    posted(core, [{ ...fineTuneReceipt('earlier', payer, 1n), output: adapter }])
    const submit = async (job: Job) => {
      submitted.push(job)
      return hashNumber(9)
    }
    const orders = new Orders({
      ...{ runtime: { core, submit } as never, content: content as never },
      ...{ key: keyNumber(GATEWAY), vouchers: VOUCHERS, providers: () => [] },
      unitWei: { inference: 1n, 'fine-tune': 1n },
    })
    return { orders, adapter }
  }

  const specOf = ({ input }: Job) => content.get(FineTuneSpec, input, { signal })

  it('is as large as the part before, and no larger than what is left', async () => {
    const { orders, adapter } = await gateway()
    const next = await orders.goOn(adapter, {}, signal)
    deepEqual(next, { jobId: hashNumber(9), firstStep: 40, steps: 40, runSteps: 100 })
    equal(submitted[0]!.adapter, adapter)
    equal(submitted[0]!.maxUnits, 40 * 16)
    deepEqual(await specOf(submitted[0]!), SPEC)
    equal((await orders.goOn(adapter, { steps: 99 }, signal)).steps, 60)
    await orders.goOn(adapter, { steps: 5, segmentSteps: 5, patience: 1 }, signal)
    deepEqual(await specOf(submitted[2]!), { ...SPEC, steps: 5, segmentSteps: 5, patience: 1 })
  })

  it('is refused where the run is over, or its last state is gone', async () => {
    const losses = Array.from({ length: 40 }, () => 1)
    const over = await gateway({ firstStep: 60, losses })
    await rejects(over.orders.goOn(over.adapter, {}, signal), /all 100 steps of its run are done/)
    const lost = await gateway({
      states: [
        { hash: hashNumber(1), cid: cidNumber(8) },
        { hash: hashNumber(1), cid: cidNumber(9) },
      ],
    })
    await rejects(lost.orders.goOn(lost.adapter, {}, signal), /nobody delivers its last state/)
    equal(submitted.length, 0)
  })

  it('is refused where no batch is known that settles it', async () => {
    const { orders } = await gateway()
    await rejects(orders.goOn(cidNumber(7), {}, signal), /knows of no batch/)
  })
})

describe('an order at a gateway', () => {
  const orders = new Orders({
    runtime: { core: council(GATEWAY) },
    content: new MemoryContent(),
    key: keyNumber(GATEWAY),
    vouchers: VOUCHERS,
    unitWei: { inference: OPEN_WEI, 'fine-tune': OPEN_WEI },
    providers: () => [],
  } as unknown as OrderOptions)

  it('is refused in amounts of OPEN where the escrow does not cover it', async () => {
    const prompt: Prompt = {
      ...{ text: 'Rivers', temperature: 0, topK: 1, maxTokens: 64 },
      ...{ addSpecialTokens: true, stop: [], logProbabilities: null },
    }
    const refusal = { name: 'OrderError', message: /has 1 OPEN left, .* may take 64\..*--escrow/ }
    await rejects(orders.answer(cidNumber(1), '', prompt), refusal)
  })
})
