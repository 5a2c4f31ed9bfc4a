import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Event } from '../../coordinator-free/events.ts'
import type { Core } from '../../coordinator-free/node.ts'
import { type Outside, Runtime } from '../../worker/runtime.ts'
import type { Journal } from '../../worker/storage/journal.ts'
import { keyNumber, MESSAGES } from '../harness/messages.ts'

describe('the runtime', () => {
  it('hears others while it reads what a neighbour has handed over', async () => {
    const handled: string[] = []
    const read = Promise.withResolvers<void>()
    const core = {
      wakeAtMs: (nowMs: number) => nowMs + 1e9,
      handle: (event: Event) => {
        if (event.kind === 'asked') return [{ kind: 'reconcile', have: [] }]
        handled.push(event.kind === 'received' ? event.via : event.kind)
        if (handled.length === 4) read.resolve()
        return []
      },
    }
    const runtime = new Runtime({
      createCore: () => core as unknown as Core,
      journal: { statements: () => [] } as unknown as Journal,
      privateKey: keyNumber(1).privateKey,
      domain: MESSAGES,
      log: pino({ level: 'silent' }),
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
})
