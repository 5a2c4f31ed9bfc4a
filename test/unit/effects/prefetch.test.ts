import { deepEqual, equal, ok } from 'node:assert/strict'
import { mock } from 'node:test'
import { after, before, describe, it } from 'mocha'
import { auditorsToBe } from '../../../coordinator-free/committee.ts'
import type { News } from '../../../coordinator-free/events.ts'
import type { Envelope } from '../../../protocol/envelope.ts'
import type { Address, Cid } from '../../../protocol/fields.ts'
import { prefetchAudited } from '../../../worker/effects/prefetch.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import {
  addressNumber,
  council,
  jobEnvelope,
  receive,
  signed,
  VALIDATORS,
  WORKERS,
} from '../../harness/council.ts'

describe('the model of a job that somebody works at', () => {
  const NOW = Date.now()
  const job = jobEnvelope(1, { issuedAtMs: NOW, deadlineMs: NOW + 600_000 })

  function beat(worker: number): Envelope {
    const progress = { done: 0, total: 0, lossMicro: 0, state: '' } as const
    const body = { jobId: job.digest, worker: addressNumber(worker), ...progress, issuedAtMs: NOW }
    return signed({ kind: 'beat', body }, worker)
  }

  /** What a validator fetches that hears beats of these workers. */
  function fetchedBy(self: Address, workers: readonly number[], result = Promise.resolve()) {
    const core = council(VALIDATORS[0]!)
    receive(core, job, NOW)
    const fetched: Cid[] = []
    let hear: (news: News) => void = () => {}
    const runtime = {
      core,
      onNews: (listener: typeof hear) => {
        hear = listener
        return () => true
      },
    }
    const knowledge = {
      fetch: (model: Cid) => {
        fetched.push(model)
        return result
      },
    }
    const { signal } = new AbortController()
    prefetchAudited({ runtime, knowledge, self, log: createLogger('silent'), signal })
    for (const worker of workers) hear({ kind: 'message', envelope: beat(worker) })
    return { core, fetched, again: () => hear({ kind: 'message', envelope: beat(workers[0]!) }) }
  }

  before(() => mock.timers.enable({ apis: ['Date'], now: NOW }))
  after(() => mock.timers.reset())

  const { core } = fetchedBy(addressNumber(VALIDATORS[0]!), [])
  const onTurn = core.ledger.members.ranked('worker', 'execute', job.digest)[0]!.node
  const turn = WORKERS.find((number) => addressNumber(number) === onTurn)!
  const other = WORKERS.find((number) => number !== turn)!
  const seated = auditorsToBe(core.ledger, { jobId: job.digest, worker: onTurn })
  const { model } = (job.message as { body: { model: Cid } }).body

  it('is fetched once by who will audit it', () => {
    ok(seated.length > 0)
    for (const { node } of seated) deepEqual(fetchedBy(node, [turn, turn]).fetched, [model])
  })

  it('is not fetched for others, nor for whoever beats out of turn', () => {
    const free = core.ledger.members
      .ranked('validator', 'audit', job.digest)
      .find(({ node }) => !seated.some((one) => one.node === node))
    if (free) deepEqual(fetchedBy(free.node, [turn]).fetched, [])
    deepEqual(fetchedBy(addressNumber(99), [turn]).fetched, [])
    deepEqual(fetchedBy(seated[0]!.node, [other]).fetched, [])
  })

  it('is asked for again where it could not be had', async () => {
    const { fetched, again } = fetchedBy(seated[0]!.node, [turn], Promise.reject(new Error('gone')))
    await new Promise((settled) => setImmediate(settled))
    again()
    equal(fetched.length, 2)
  })
})
