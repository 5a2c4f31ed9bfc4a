import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Effect, Event } from '../../../coordinator-free/events.ts'
import { Core } from '../../../coordinator-free/node.ts'
import { type CoreSettings, coreOptionsOf } from '../../../coordinator-free/recording.ts'
import type { ChainFact, ChainLog } from '../../../protocol/chain.ts'
import { seal } from '../../../protocol/envelope.ts'
import { readRecording } from '../../../sim/cli/recording-file.ts'
import { type Difference, Rerun } from '../../../sim/rerun.ts'
import { type Performers, Runtime } from '../../../worker/runtime.ts'
import { sleep } from '../../../worker/sleep.ts'
import { StorageError } from '../../../worker/storage/errors.ts'
import { Journal } from '../../../worker/storage/journal.ts'
import { Recorder } from '../../../worker/storage/recorder.ts'
import { createLogger, type Logger } from '../../../worker/telemetry/logger.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import {
  cidNumber,
  hashNumber,
  jobNumber,
  keyNumber,
  MESSAGES,
  VOUCHERS,
} from '../../harness/messages.ts'

const SELF = keyNumber(1)
const CORE: CoreSettings = {
  self: SELF.address,
  ...{ messages: MESSAGES, vouchers: VOUCHERS },
  ...{ treasury: keyNumber(8).address, stakers: keyNumber(9).address },
  terms: { leastUnitWei: { inference: 0n, 'fine-tune': 0n }, maxJobs: 4 },
  challengeBudgetWei: 10n ** 17n,
}
const MOST_BYTES = 2 ** 20

describe('a recorder', () => {
  let folder = ''
  let file = ''
  const warned: string[] = []
  const log = { ...createLogger('silent'), warn: ({ why }: { why: string }) => warned.push(why) }
  beforeEach(() => {
    folder = testFolder('recorder')
    file = join(folder, 'deep/node.ndjson')
    warned.length = 0
  })
  afterEach(() => removeFolder(folder))

  const open = (change: { file?: string; mostBytes?: number } = {}): Recorder => {
    const options = { file, mostBytes: MOST_BYTES, roles: ['worker'] as const, core: CORE }
    return Recorder.open({ ...options, log: log as unknown as Logger, ...change }, Date.now())
  }

  /** What a replay makes of the file. */
  function replayed(): { rerun: Rerun; difference: Difference | undefined; isCut: boolean } {
    const rerun = new Rerun()
    const { lines, isCut } = readRecording(file)
    for (const { line, number } of lines) {
      const difference = rerun.feed(line, number)
      if (difference) return { rerun, difference, isCut: isCut() }
    }
    return { rerun, difference: undefined, isCut: isCut() }
  }

  it('lets all be done again that a runtime has done, with a core built anew in the middle', async () => {
    const recorder = open()
    const did: Effect[] = []
    const journal = new Journal(folder, Date.now())
    const runtime = new Runtime({
      createCore: () => new Core(coreOptionsOf(CORE)),
      ...{ journal, privateKey: SELF.privateKey, domain: MESSAGES, log: createLogger('silent') },
      recorder,
    })
    runtime.onNews((news) => did.push({ kind: 'tell', news }))
    for (const fact of facts(1)) runtime.dispatch({ kind: 'chain', fact })
    runtime.start({
      performers: performers(),
      publish: async () => undefined,
      keep: async () => undefined,
      reconcile: async () => [],
    })
    const atMs = Date.now()
    const job = jobNumber(1, 1, { issuedAtMs: atMs, deadlineMs: atMs + 600_000 })
    const jobId = await runtime.submit(job)
    runtime.dispatch({ kind: 'chain', fact: block(2) })
    await runtime.until(({ claims }) => claims.has(jobId), 10_000)
    runtime.rebuild(facts(3))
    await runtime.until(({ claims }) => claims.has(jobId), 10_000)
    runtime.judge(seal({ kind: 'job', body: job }, keyNumber(2).privateKey, MESSAGES).bytes)
    runtime.judge(Uint8Array.of(1, 2, 3))
    runtime.dispatch({ kind: 'asked', peer: 'somebody', have: [] })
    await runtime.stop()
    recorder.close()
    journal.close()

    const { rerun, difference } = replayed()
    assert.equal(difference, undefined)
    const { told } = rerun
    assert.deepEqual([told.self, told.rebuilds, told.starts], [SELF.address, 1, 1])
    assert.equal(told.byJudgement['malformed'], 1)
    assert.equal(told.byEffect['answer'], 1)
    assert.ok((told.byEffect['execute'] ?? 0) >= 1)
    assert.ok((told.byEffect['tell'] ?? 0) >= did.length)
    assert.deepEqual(rerun.jobsLike(jobId.slice(0, 8)), [jobId])
    assert.deepEqual(
      rerun.why(jobId).reasons.map(({ code }) => code),
      ['claimed', 'no-verdict-yet'],
    )
    assert.deepEqual(warned, [])
    assert.ok(!readFileSync(file, 'utf8').includes(Buffer.from(SELF.privateKey).toString('hex')))
  })

  it('keeps what the core died of, and the runtime dies of it as before', () => {
    const recorder = open()
    const journal = new Journal(folder, Date.now())
    const core = new Core(coreOptionsOf(CORE))
    const runtime = new Runtime({
      createCore: () => core,
      ...{ journal, privateKey: SELF.privateKey, domain: MESSAGES, log: createLogger('silent') },
      recorder,
    })
    core.handle = () => {
      throw new Error('a bug')
    }
    assert.throws(() => runtime.dispatch({ kind: 'tick' }), /a bug/)
    recorder.close()
    journal.close()
    const { difference } = replayed()
    assert.equal(difference?.recorded.did, 'threw: a bug')
    assert.equal(difference?.line, 2)
  })

  it('goes on after a restart, without the line that a kill has cut', () => {
    const first = open()
    first.handled(tick, 1, [])
    first.close()
    appendFileSync(file, '{"atMs":2,"event":{"ki')
    assert.equal(replayed().isCut, true)
    const second = open()
    second.handled(tick, 3, [])
    second.close()
    const { rerun, difference, isCut } = replayed()
    assert.equal(difference, undefined)
    assert.equal(isCut, false)
    assert.deepEqual([rerun.told.starts, rerun.told.events], [2, 2])
  })

  it('ends when the file is full, says so once, and never makes it longer', () => {
    const mostBytes = 4096
    for (let life = 0; life < 3; life++) {
      const recorder = open({ mostBytes })
      for (let i = 0; i < 200; i++) recorder.handled(tick, i, [])
      recorder.rebuilt(201)
      recorder.close()
    }
    assert.ok(readFileSync(file).length <= mostBytes)
    assert.equal(warned.length, 3)
    assert.match(warned[0]!, /full/)
    assert.equal(replayed().rerun.told.isFull, true)
  })

  it('ends where the disk gives up, and nothing is thrown', function () {
    if (!existsSync('/dev/full')) return this.skip()
    const recorder = open({ file: '/dev/full' })
    recorder.handled(tick, 1, [])
    recorder.close()
    assert.equal(warned.length, 1)
    assert.match(warned[0]!, /ENOSPC/)
  })

  it('ends at an event that has no text, and nothing is thrown', () => {
    const recorder = open()
    recorder.handled({ kind: 'tick', more: new Map() } as unknown as Event, 1, [])
    recorder.handled(tick, 2, [])
    recorder.close()
    assert.deepEqual(warned, ['a Map is no plain value'])
    assert.equal(replayed().rerun.told.events, 0)
  })

  it('touches no file that is something else, and says what to do', () => {
    file = join(folder, 'letter')
    writeFileSync(file, 'Dear reader')
    const refused = (error: unknown) =>
      error instanceof StorageError &&
      /is no recording; name another file with --record/.test(error.message)
    assert.throws(() => open(), refused)
    assert.equal(readFileSync(file, 'utf8'), 'Dear reader')
    assert.throws(() => open({ file: folder }), /cannot be written; name another file/)
  })
})

const tick: Event = { kind: 'tick' }

/** Only some chains tell what gas costs. */
function block(number: number): ChainFact {
  const fee = number % 2 === 0 ? { baseFeeWei: 10n ** 9n } : {}
  return { kind: 'block', number, hash: hashNumber(number), timestampMs: 1000 * number, ...fee }
}

/** This node is the only worker, and has money in escrow. */
function facts(head: number): ChainFact[] {
  const { address } = SELF
  const OPEN = 10n ** 18n
  const logs: ChainLog[] = [
    {
      ...{ kind: 'staked', blockNumber: 1, node: address, owner: keyNumber(7).address },
      ...{ roles: ['worker', 'gateway'], stakeWei: OPEN },
    } as const,
    {
      ...{ kind: 'escrowed', blockNumber: 1, payer: address, balanceWei: OPEN },
      ...{ leavingWei: 0n, redeemedWei: 0n, authorisedWei: 0n },
    } as const,
  ]
  return [...logs, block(head)]
}

/** Executes at once; all else takes for ever. */
function performers(): Performers {
  const never = (_: unknown, signal: AbortSignal) => sleep(1e9, signal) as Promise<never>
  const result = {
    ...{ output: cidNumber(5), commitment: hashNumber(5), attribution: hashNumber(6) },
    ...{ units: 3, graph: hashNumber(7) },
  }
  return new Proxy({} as Performers, {
    get: (_, kind) =>
      kind === 'execute'
        ? async ({ jobId }: { jobId: never }) => ({ kind: 'executed', jobId, result })
        : never,
  })
}
