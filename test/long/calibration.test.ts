import assert from 'node:assert/strict'
import { before, describe, it } from 'mocha'
import { judge, measuredOf, modelledOf } from '../../sim/cli/calibration.ts'
import { GossipRun } from '../../sim/gossip/gossip-run.ts'
import { gossipScenario } from '../../sim/gossip/scenario.ts'
import type { RealRun } from '../../sim/real/observed.ts'
import { runReal } from '../../sim/real/real-run.ts'

const SCENARIO = gossipScenario({
  ...{ seed: 3, nodes: 8, dials: 3, degree: 6, messages: 12, intervalMs: 200, messageBytes: 256 },
  ...{ validationUs: 0, uplinkMbps: 1_000_000 },
})

/** By node, the shortest way from one to each, in milliseconds. */
function shortestMs(from: number): number[] {
  const { first, peers, delaysUs } = new GossipRun(SCENARIO).wire.links
  const ms = Array.from({ length: SCENARIO.nodes }, (_, node) => (node === from ? 0 : Infinity))
  for (let round = 0; round < SCENARIO.nodes; round++) {
    for (let node = 0; node < SCENARIO.nodes; node++) {
      for (let link = first[node]!; link < first[node + 1]!; link++) {
        const peer = peers[link]!
        ms[peer] = Math.min(ms[peer]!, ms[node]! + delaysUs[link]! / 1000)
      }
    }
  }
  return ms
}

describe('real nodes in a scenario of depth F', () => {
  let run: RealRun
  before(async () => {
    run = await runReal(SCENARIO, 3, () => undefined)
  })

  it('bring each message to all others once, and copies besides', () => {
    assert.equal(run.deliveries.length, run.expected)
    assert.equal(run.expected, 12 * 7)
    const names = run.deliveries.map(([message, node]) => `${message} ${node}`)
    assert.equal(new Set(names).size, names.length)
    assert.ok(run.copies > run.deliveries.length)
  })

  it('hear nothing sooner than by the shortest way of the scenario', () => {
    const { publishers } = played()
    for (const [message, node, delayMs] of run.deliveries) {
      const leastMs = shortestMs(publishers[message]!)[node]!
      // Each of a few hops may be early by a grain of a millisecond, undilated a third of that.
      assert.ok(delayMs > leastMs - 1, `${message} at ${node}: ${delayMs} ms, not ${leastMs} ms`)
    }
  })

  it('have a mesh along the scenario’s links, the same from both sides, that lasts', () => {
    const { first, peers } = new GossipRun(SCENARIO).wire.links
    run.meshes.forEach((mesh, node) => {
      const linked = peers.subarray(first[node], first[node + 1])
      assert.ok(mesh.length > 0 && mesh.every((peer) => linked.includes(peer)))
      assert.ok(mesh.every((peer) => run.meshes[peer]!.includes(node)))
    })
    const sorted = (meshes: RealRun['meshes']) => meshes.map((mesh) => [...mesh].sort())
    assert.deepEqual(sorted(run.meshesAfter), sorted(run.meshes))
  })

  it('send as many copies as the model does in their mesh', () => {
    const [real, model] = [measuredOf(run), modelledOf(run, 'measured')]
    const { missed, figures } = judge([3], 'measured', real, model)
    assert.equal(figures.meshDegree.real, figures.meshDegree.model)
    assert.ok(!missed.includes('duplicates') && !missed.includes('reach'), `${missed}`)
  })

  function played(): GossipRun {
    const model = new GossipRun(SCENARIO)
    model.run()
    return model
  }
})
