import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Effect, Event } from '../../coordinator-free/events.ts'
import type { Core } from '../../coordinator-free/node.ts'
import { type Block, blockOf } from '../../protocol/document.ts'
import { type Outside, Runtime } from '../../worker/runtime.ts'
import type { Journal } from '../../worker/storage/journal.ts'
import { claimEnvelope, jobEnvelope } from '../harness/council.ts'
import { keyNumber, MESSAGES, NOW_MS } from '../harness/messages.ts'

const JOB = jobEnvelope(1)

describe('the runtime', () => {
  /** One whose core answers to a question by this effect. */
  function answering(
    effect: Effect,
    handle: (event: Event) => void = () => {},
    journal = {},
  ): Runtime {
    const core = {
      ledger: { jobs: new Map([[JOB.digest, { envelope: JOB }]]) },
      wakeAtMs: (nowMs: number) => nowMs + 1e9,
      handle: (event: Event) => {
        if (event.kind === 'asked') return [effect]
        handle(event)
        return []
      },
    }
    return new Runtime({
      createCore: () => core as unknown as Core,
      journal: { statements: () => [], ...journal } as unknown as Journal,
      privateKey: keyNumber(1).privateKey,
      domain: MESSAGES,
      log: pino({ level: 'silent' }),
    })
  }

  it('keeps a block that others rely on as soon as the disk has room', async () => {
    const block = blockOf(Uint8Array.of(1))
    const kept = Promise.withResolvers<Block>()
    let tries = 0
    const keep = async (one: Block) => {
      tries += 1
      if (tries === 1) throw new Error('ENOSPC: no space left on device')
      kept.resolve(one)
    }
    const runtime = answering({ kind: 'keep', block })
    runtime.start({ keep } as unknown as Outside)
    runtime.dispatch({ kind: 'asked', peer: 'one', have: [] })
    assert.equal(await kept.promise, block)
    await runtime.stop()
  })

  it('hears others while it reads what a neighbour has handed over', async () => {
    const handled: string[] = []
    const read = Promise.withResolvers<void>()
    const runtime = answering({ kind: 'reconcile', have: [] }, (event) => {
      handled.push(event.kind === 'received' ? event.via : event.kind)
      if (handled.length === 4) read.resolve()
    })
    const reconcile = async () => {
      setImmediate(() => runtime.judge(Uint8Array.of(9)))
      return [1, 2, 3].map((number) => Uint8Array.of(number))
    }
    runtime.start({ reconcile } as unknown as Outside)
    runtime.dispatch({ kind: 'asked', peer: 'one', have: [] })
    await read.promise
    await runtime.stop()
    assert.equal(handled.filter((via) => via === 'gossip').length, 1)
    assert.ok(handled.indexOf('gossip') < 3, `${handled}`)
  })

  it('claims nothing anew on jobs on which its journal has lost what it said', async () => {
    const { message } = claimEnvelope(JOB.digest, 1)
    const claim = { kind: 'publish', duty: 'a claim', message } as Effect
    const outcome = async (lostBeforeMs: number): Promise<string> => {
      const told = Promise.withResolvers<string>()
      const written: string[] = []
      const journal = {
        lostBeforeMs,
        held: () => undefined,
        write: (slot: string) => written.push(slot),
      }
      const runtime = answering(claim, ({ kind }) => told.resolve(kind), journal)
      runtime.start({ publish: async () => {} } as unknown as Outside)
      runtime.dispatch({ kind: 'asked', peer: 'one', have: [] })
      const kind = await told.promise
      await runtime.stop()
      return `${kind}, ${written.length} written`
    }
    assert.equal(await outcome(NOW_MS - 60_000), 'received, 1 written')
    assert.equal(await outcome(NOW_MS + 1), 'duty-failed, 0 written')
  })
})
