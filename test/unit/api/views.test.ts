import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Ledger } from '../../../coordinator-free/ledger.ts'
import { VERDICT_WAIT_MS } from '../../../protocol/params.ts'
import { Records } from '../../../worker/api/records.ts'
import { type JobView, viewJob } from '../../../worker/api/views.ts'
import { inVain, stageOf } from '../../../worker/cli/finetune.ts'
import {
  addressNumber,
  council,
  GATEWAY,
  jobEnvelope,
  receive,
  signed,
  WORKERS,
} from '../../harness/council.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'
import { dataOf, receiptOf, type Work, workNumber } from '../../harness/settled.ts'

describe('a job as people see it', () => {
  const heard = () => {
    const core = council(GATEWAY)
    const job = jobEnvelope(1)
    receive(core, job)
    const records = new Records()
    records.hear({ kind: 'message', envelope: job }, NOW_MS)
    const record = records.get(job.digest)!
    return { core, record, view: (nowMs = NOW_MS) => viewJob(core.ledger, record, nowMs) }
  }

  it('lapses when its time is over and nothing was accepted', () => {
    const { record, view } = heard()
    const lastMs = record.job.deadlineMs + VERDICT_WAIT_MS
    equal(view(lastMs).state, 'open')
    equal(inVain(view(lastMs)), undefined)
    equal(view(lastMs + 1).state, 'lapsed')
    match(inVain(view(lastMs + 1))!, /order it again/)
  })

  it('is told in words where it stands', () => {
    const { view } = heard()
    const stage = (change: object) => stageOf({ ...view(), ...change } as JobView)
    equal(stage({}), 'a worker has it')
    equal(stage({ turn: undefined }), 'waits for a worker')
    equal(stage({ progress: { done: 1, total: 2, loss: 4.25 } }), 'loss 4.250')
    const claims = [{ votes: [1, 2] }]
    equal(stage({ state: 'claimed', claims }), 'claimed, checked by 2 validators so far')
    equal(stage({ state: 'settled', batch: { number: 3 } }), 'in batch 3, which is not final yet')
  })

  it('tells why all workers have refused it', () => {
    const { core, record, view } = heard()
    for (const number of WORKERS) {
      equal(view().refused, undefined)
      const body = {
        ...{ jobId: record.jobId, worker: addressNumber(number) },
        ...({ reason: 'price', issuedAtMs: NOW_MS } as const),
      }
      receive(core, signed({ kind: 'refusal', body }, number))
    }
    deepEqual(view().refused, ['price', 'price', 'price'])
    match(
      inVain(view())!,
      /No worker takes job 0x.*: it pays less for a unit than the worker asks\./,
    )
  })

  it('is settled by the batch that has its claim, and not by another of the same number', () => {
    const { core, record } = heard()
    const [own, other] = [workNumber(1), workNumber(2)]
    record.settled = {
      ...{ batch: 1, index: 0, claim: own.claim.digest, txHash: hashNumber(70), why: [] },
    }
    const stateIn = (work: Work) => {
      const batch = { data: dataOf(1, [receiptOf(work)]), final: true }
      const batches = { get: () => batch, last: 1 }
      return viewJob({ ...core.ledger, batches } as unknown as Ledger, record, NOW_MS).state
    }
    equal(stateIn(own), 'final')
    equal(stateIn(other), 'open')
  })
})
