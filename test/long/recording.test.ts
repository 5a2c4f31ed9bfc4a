import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Effect, Event } from '../../coordinator-free/events.ts'
import { toText } from '../../coordinator-free/exact-text.ts'
import { Core } from '../../coordinator-free/node.ts'
import { type CoreSettings, eventLine, startLine } from '../../coordinator-free/recording.ts'
import { readLine } from '../../sim/cli/recording-form.ts'
import type { SimNode } from '../../sim/node.ts'
import { Rerun } from '../../sim/rerun.ts'
import { scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

/** With signatures that are checked in full, as a replay checks them. Between them they have nearly all kinds of events. */
const RUNS = [
  scenario(5, 'bribed', { crypto: 'real', jobs: 8 }),
  scenario(4, 'choosy', { crypto: 'real', jobs: 4 }),
  scenario(5, 'rogues', { crypto: 'real', jobs: 4 }),
]
const KINDS = ['heard', 'accused', 'refused', 'submitted', 'executed', 'verified']

describe('what nodes of drawn runs were given', () => {
  const { handle } = Core.prototype
  const lines = new Map<Core, string[]>()
  const kinds = new Map<Core, Set<string>>()
  const replayed = new Set<string>()
  beforeEach(() => {
    lines.clear()
    kinds.clear()
    Core.prototype.handle = function (this: Core, event: Event, nowMs: number): Effect[] {
      const effects = handle.call(this, event, nowMs)
      lines.set(this, lines.get(this) ?? [])
      lines.get(this)!.push(toText(eventLine(nowMs, event, effects)))
      kinds.set(this, (kinds.get(this) ?? new Set()).add(event.kind))
      return effects
    }
  })
  afterEach(() => {
    Core.prototype.handle = handle
  })

  RUNS.forEach((run, index) => {
    it(`gives the same effects when it is read from its text, run ${index + 1}`, () => {
      const world = new World(run)
      world.run()
      Core.prototype.handle = handle
      for (const node of world.nodes) {
        const isNews = [...(kinds.get(node.core) ?? [])].some((kind) => !replayed.has(kind))
        if (isNews) replay(node)
      }
    })
  })

  it('covers disputes, too', () => {
    const missing = KINDS.filter((kind) => !replayed.has(kind))
    assert.deepEqual(missing, [])
  })

  function replay({ core, options, address }: SimNode): void {
    const { gate, rules, parameters, challengeBudgetWei } = options
    const { messages, vouchers } = gate
    const { treasury, stakers } = rules
    const settings: CoreSettings = {
      ...{ self: address, messages, vouchers, treasury, stakers },
      ...{ parameters, challengeBudgetWei },
    }
    const texts = [toText(startLine(0, [options.role], settings)), ...lines.get(core)!]
    const rerun = new Rerun()
    texts.forEach((text, at) => {
      const difference = rerun.feed(readLine(text, `line ${at + 1}`, at === 0), at + 1)
      assert.equal(difference, undefined)
    })
    assert.equal(rerun.told.events, texts.length - 1)
    for (const kind of Object.keys(rerun.told.byEvent)) replayed.add(kind)
  }
})
