import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Fault } from '../../sim/faults.ts'
import { scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

describe('a fine-tune whose worker is killed', () => {
  /** Work done by all workers, in wei, and by whom and when the first of it was begun. */
  function run(faults: readonly Fault[]) {
    const size = { workers: 4, validators: 4, jobs: 1, workloadMs: 30_000, healMs: 120_000 }
    let begun: { readonly atMs: number; readonly node: number } | undefined
    const world = new World(scenario(3, 'calm', { ...size, faults }), (atMs, node, effect) => {
      if (effect.kind === 'execute') begun ??= { atMs, node: node.options.index }
    })
    assert.equal(world.run().settled, 1)
    const done = world.nodes.map(({ effort }) => effort.executed)
    return { begun: begun!, effortWei: done.reduce((sum, one) => sum + one, 0n) }
  }

  it('is not begun anew: who takes over does what is left', () => {
    const { begun, effortWei } = run([])
    const killedAfter = (ms: number) =>
      run([{ kind: 'crash', node: begun.node, atMs: begun.atMs + ms, forMs: 600_000 } as Fault])
    assert.equal(killedAfter(200).effortWei, effortWei)
    const late = killedAfter(4500)
    assert.ok(4n * late.effortWei <= 3n * effortWei, `${late.effortWei} of ${effortWei} wei`)
  })
})
