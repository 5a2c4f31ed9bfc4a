import { deepEqual, equal, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { z } from 'zod'
import { Core } from '../../coordinator-free/node.ts'
import { type CoreSettings, coreOptionsOf } from '../../coordinator-free/recording.ts'
import type { Cid } from '../../protocol/fields.ts'
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { sign } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { readRecording } from '../../sim/cli/recording-file.ts'
import { Rerun } from '../../sim/rerun.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { followChain } from '../../worker/chain/follow.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { performFinalise } from '../../worker/effects/settle.ts'
import { type Performers, Runtime } from '../../worker/runtime.ts'
import { Journal } from '../../worker/storage/journal.ts'
import { Recorder } from '../../worker/storage/recorder.ts'
import { createLogger } from '../../worker/telemetry/logger.ts'
import { EmbeddedChain, fineTuneReceipt, person, signBatch } from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const FEE = OPEN / 10n
const [ALICE, NODE] = [person('alice'), person('validator 1')]
const LOG = createLogger('silent')

/** The runtime of a node that is worker and validator in one, on a real chain whose newest blocks are taken back. */
describe('a runtime on a chain that is reorganised', () => {
  let chain: EmbeddedChain
  let poster: ChainClient
  let journal: Journal
  let runtime: Runtime
  let recorder: Recorder
  let failure: unknown
  let rewound = 0
  /** Duties to execute that were begun, and those that were called off. */
  const execution = { begun: 0, calledOff: 0 }
  const stop = new AbortController()

  before(async () => {
    chain = await EmbeddedChain.start()
    await chain.stake(NODE, ['worker', 'validator', 'gateway'], 10n * OPEN)
    poster = await chain.clientOf(person('poster'))
    await poster.deposit(ALICE.account, OPEN)
    await poster.deposit(NODE.account, OPEN)
    journal = new Journal(chain.folder, Date.now())
    const core = coreSettings()
    const file = join(chain.folder, 'node.ndjson')
    const options = { file, mostBytes: 2 ** 24, roles: ['worker'] as const, core, log: LOG }
    recorder = Recorder.open(options, Date.now())
    runtime = new Runtime({
      createCore: () => new Core(coreOptionsOf(core)),
      recorder,
      journal,
      privateKey: NODE.key,
      domain: domainOf(chain.deployment, 'resultLedger'),
      log: LOG,
    })
    const following = followChain({
      url: chain.anvil.url,
      deployment: chain.deployment,
      folder: chain.folder,
      runtime,
      log: LOG,
      onRewound: () => {
        rewound++
        void poster.restore().catch((error: unknown) => {
          failure = error
        })
      },
      signal: stop.signal,
    })
    following.failed.catch((error: unknown) => {
      failure = error
    })
    await following.caughtUp
    runtime.start({
      performers: await performers(),
      publish: async () => undefined,
      keep: async () => undefined,
      reconcile: async () => [],
    })
  })

  after(async () => {
    stop.abort()
    await runtime?.stop()
    journal?.close()
    await chain?.stop()
  })

  function coreSettings(): CoreSettings {
    const { deployment } = chain
    return {
      self: NODE.account,
      messages: domainOf(deployment, 'resultLedger'),
      vouchers: domainOf(deployment, 'feeEscrow'),
      treasury: deployment.treasury,
      stakers: deployment.addresses.stakeVault,
    }
  }

  /** Finalises for good; its executions never end by themselves. */
  async function performers(): Promise<Performers> {
    const never = (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    return {
      follow: never,
      execute: (_, signal) => {
        execution.begun++
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            execution.calledOff++
            reject(signal.reason)
          })
        })
      },
      verify: never,
      read: never,
      post: never,
      offer: never,
      accuse: never,
      retrieve: never,
      'take-back': never,
      'give-back': never,
      register: never,
      'read-batch': never,
      demand: never,
      show: never,
      foreclose: never,
      challenge: never,
      draw: never,
      hear: never,
      commit: never,
      reveal: never,
      decide: never,
      withdraw: never,
      punish: never,
      finalise: performFinalise({ runtime, chain: await chain.clientOf(NODE), log: LOG }),
    }
  }

  it('goes on without a restart: keeps its word, begins its work anew, and settles', async () => {
    const jobId = await runtime.submit(jobOf(NODE))
    await until(() => execution.begun === 1)
    const said = journal.statements()
    const snapshot = await ask('evm_snapshot')
    const batch = await postBatch()
    await until(() => runtime.core.ledger.batches.has(1))
    for (let block = 0; block < 4; block++) await ask('evm_mine')
    const before = runtime.core
    await until(() => (before.ledger.head?.number ?? 0) >= (batch.block ?? 0) + 4)
    ok(await ask('evm_revert', [snapshot]))
    await until(() => runtime.core !== before)
    ok(runtime.core.ledger.jobs.has(jobId))
    equal(runtime.core.ledger.members.get(NODE.account)?.stakeWei, 10n * OPEN)
    await until(() => runtime.core.ledger.batches.get(1)?.final === true)
    deepEqual(runtime.core.ledger.batches.get(1)?.header, batch.header)
    await until(() => execution.begun === 1 + rewound)
    equal(execution.calledOff, rewound)
    deepEqual(journal.statements(), said)
    equal(failure, undefined)
  })

  it('does so again', async () => {
    const snapshot = await ask('evm_snapshot')
    await poster.deposit(ALICE.account, 7n)
    await until(
      () => runtime.core.ledger.escrows.get(ALICE.account)?.balanceWei === OPEN - FEE + 7n,
    )
    const before = runtime.core
    ok(await ask('evm_revert', [snapshot]))
    await until(() => runtime.core !== before)
    await until(
      () => runtime.core.ledger.escrows.get(ALICE.account)?.balanceWei === OPEN - FEE + 7n,
    )
    equal(runtime.core.ledger.batches.get(1)?.final, true)
    equal(failure, undefined)
  })

  it('is done again by a replay, with a core built anew for each time', async () => {
    await runtime.stop()
    recorder.close()
    const rerun = new Rerun()
    for (const { line, number } of readRecording(join(chain.folder, 'node.ndjson')).lines) {
      equal(rerun.feed(line, number), undefined)
    }
    equal(rerun.told.rebuilds, rewound)
    ok(rewound >= 2)
  })

  async function postBatch() {
    const draft = {
      number: 1,
      epoch: chain.epoch,
      receipts: [fineTuneReceipt('one', ALICE.account, FEE)],
      payouts: [{ account: NODE.account, cumulativeWei: FEE / 2n }],
      payers: [{ person: ALICE, feeWei: FEE, cumulativeWei: FEE }],
    }
    const batch = signBatch(chain.deployment, draft, [NODE])
    const { blockNumber } = await poster.postBatch(batch)
    return { header: batch.header, block: blockNumber }
  }

  /** A job that this node orders, and that falls to it. */
  function jobOf({ key, account }: typeof NODE): Job {
    const voucher = { payer: account, cumulativeWei: OPEN }
    const cid = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi' as Cid
    const issuedAtMs = Date.now()
    return {
      requester: account,
      task: 'inference',
      model: cid,
      adapter: '',
      input: cid,
      precision: 'cpu-exact',
      maxUnits: 8,
      unitWei: 10n ** 12n,
      voucherWei: OPEN,
      voucherSignature: sign(
        digest(Voucher, voucher, domainOf(chain.deployment, 'feeEscrow')),
        key,
      ),
      seedBlock: 1,
      providers: [],
      nonce: keccakHash(utf8('a nonce')),
      issuedAtMs,
      deadlineMs: issuedAtMs + 600_000,
    }
  }

  async function ask(method: string, params: unknown[] = []): Promise<unknown> {
    using rpc = new Rpc(chain.anvil.url)
    return await rpc.request(z.unknown(), method, params)
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let waitedMs = 0; !condition(); waitedMs += 20) {
      if (waitedMs > 40_000 || failure) throw new Error('it never came', { cause: failure })
      await sleep(20)
    }
  }
})
