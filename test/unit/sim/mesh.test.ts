import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { firstOf, sizeOf } from '../../../sim/gossip/bits.ts'
import { GossipRun } from '../../../sim/gossip/gossip-run.ts'
import { gossipScenario, MESH, meshSizes } from '../../../sim/gossip/scenario.ts'
import { GRAFT, PRUNE } from '../../../sim/gossip/wire.ts'

const SIZES = meshSizes(8)

function places(set: number): number[] {
  const found: number[] = []
  for (let rest = set; rest !== 0; rest &= rest - 1) found.push(firstOf(rest))
  return found
}

/** A node with links enough both ways, all of whose peers have joined, before anything has happened. */
function crowded(draw = 0) {
  const scenario = gossipScenario({ nodes: 200, dials: 15, seed: 2 })
  const { mesh, wire } = new GossipRun(scenario, { draw })
  const { dialled, all } = wire.links
  const node = dialled.findIndex(
    (set, index) => sizeOf(set) > 8 && sizeOf(all[index]! & ~set) > SIZES.dHigh + 1,
  )
  mesh.known[node] = all[node]!
  const [own, others] = [places(dialled[node]!), places(all[node]! & ~dialled[node]!)]
  const size = (): number => sizeOf(mesh.members[node]!)
  return { mesh, wire, node, own, others, size }
}

describe('a mesh', () => {
  it('is joined by as many as are wanted, and each is told', () => {
    const { mesh, wire, node, size } = crowded()
    mesh.join(node)
    assert.equal(size(), SIZES.d)
    assert.equal(wire.sentByKind[GRAFT], SIZES.d)
  })

  it('takes in no more than its upper bound, but for those that the node dialled', () => {
    const { mesh, wire, node, own, others, size } = crowded()
    for (const place of others) mesh.grafted(node, place)
    assert.equal(size(), SIZES.dHigh)
    assert.equal(wire.sentByKind[PRUNE], others.length - SIZES.dHigh)
    for (const place of own) mesh.grafted(node, place)
    assert.equal(size(), SIZES.dHigh + own.length)
  })

  it('takes in who joins at once where it is too small, and leaves the rest to the heartbeat', () => {
    const { mesh, wire, node, others, size } = crowded()
    mesh.known[node] = 0
    const meet = (place: number) => {
      mesh.met(node, place)
      mesh.admit(node, place)
    }
    others.forEach(meet)
    assert.equal(size(), SIZES.dLow)
    assert.equal(wire.sentByKind[GRAFT], SIZES.dLow)
    assert.deepEqual(places(mesh.known[node]!), others)
    // Whoever has pruned it stays outside, though there is room.
    mesh.pruned(node, others[0]!)
    meet(others[0]!)
    assert.equal(size(), SIZES.dLow - 1)
  })

  it('stays as it was fixed, whatever is asked of it', () => {
    const { mesh, node, own, others, size } = crowded()
    const meshes = new Int32Array(200)
    meshes[node] = 1 << own[0]!
    mesh.fix(meshes)
    mesh.grafted(node, others[0]!)
    mesh.admit(node, others[1]!)
    mesh.maintain(node, 1)
    mesh.pruned(node, own[0]!)
    assert.deepEqual([size(), places(mesh.members[node]!)], [1, [own[0]]])
  })

  it('has the sizes of the specification, and of Ethereum’s consensus layer', () => {
    assert.deepEqual(meshSizes(6), { d: 6, dLow: 4, dHigh: 12, dScore: 4, dOut: 2 })
    assert.deepEqual(meshSizes(8), { d: 8, dLow: 6, dHigh: 12, dScore: 4, dOut: 2 })
    for (let degree = 2; degree <= 16; degree++) {
      const { d, dLow, dHigh, dScore, dOut } = meshSizes(degree)
      assert.ok(dOut < dLow && dOut <= d / 2 && dLow < d && d < dHigh && dScore <= d)
    }
  })

  it('shrinks to what is wanted, and keeps its best and two that it dialled', () => {
    const { mesh, wire, node, own, others, size } = crowded()
    for (const place of [...others.slice(0, SIZES.dHigh), ...own.slice(0, 3)]) {
      mesh.grafted(node, place)
    }
    const best = others.slice(4, 4 + SIZES.dScore)
    for (const place of best) mesh.credit(node, place)
    mesh.maintain(node, 1)
    assert.equal(size(), SIZES.d)
    assert.equal(wire.sentByKind[PRUNE], SIZES.dHigh + 3 - SIZES.d)
    const members = places(mesh.members[node]!)
    assert.ok(best.every((place) => members.includes(place)))
    assert.ok(sizeOf(mesh.members[node]! & wire.links.dialled[node]!) >= SIZES.dOut)
  })

  it('takes nobody in whom it has pruned, or who pruned it, for a minute', () => {
    const { mesh, wire, node, others, size } = crowded()
    const place = others[0]!
    mesh.grafted(node, place)
    mesh.pruned(node, place)
    assert.equal(size(), 0)
    mesh.grafted(node, place)
    assert.equal(size(), 0)
    assert.equal(wire.sentByKind[PRUNE], 1)
    wire.wheel.nowUs = 2 * MESH.backoffUs
    mesh.grafted(node, place)
    assert.equal(size(), 1)
  })

  it('keeps, of members that are as good, those that came first', () => {
    const { mesh, node, own, others } = crowded()
    // The last place first, so that the order of places is not what decides.
    const came = others.slice(0, SIZES.dHigh).reverse()
    for (const place of came) mesh.grafted(node, place)
    mesh.grafted(node, own[0]!)
    mesh.maintain(node, 1)
    const members = places(mesh.members[node]!)
    assert.ok(came.slice(0, SIZES.dScore).every((place) => members.includes(place)))
  })

  it('is joined through those that joined early more often than through others', () => {
    const chosen = [0, 0]
    for (let seed = 0; seed < 200; seed++) {
      const { mesh, node, others } = crowded(seed)
      mesh.known[node] = 0
      const met = [...others].reverse()
      for (const place of met) mesh.met(node, place)
      mesh.join(node)
      for (const half of [0, 1]) {
        const part = half === 0 ? met.slice(0, met.length >> 1) : met.slice(-(met.length >> 1))
        chosen[half]! += part.filter((place) => (mesh.members[node]! >>> place) & 1).length
      }
    }
    // By fair draws they would be about equal; the library's own give 1.2 : 1 among twenty.
    assert.ok(chosen[0]! > 1.1 * chosen[1]! && chosen[0]! < 1.5 * chosen[1]!, `${chosen}`)
  })

  it('swaps in those who deliver more than its median, once in a while', () => {
    const { mesh, node, others, own, size } = crowded()
    for (const place of others.slice(0, SIZES.d)) mesh.grafted(node, place)
    for (const place of own.slice(0, SIZES.dOut)) mesh.grafted(node, place)
    const before = size()
    const better = others.slice(SIZES.d, SIZES.d + 2)
    for (const place of better) for (let times = 0; times < 8; times++) mesh.credit(node, place)
    mesh.maintain(node, MESH.opportunisticHeartbeats - 1)
    assert.equal(size(), before)
    mesh.maintain(node, MESH.opportunisticHeartbeats)
    assert.equal(size(), before + MESH.opportunisticGrafts)
    for (const place of better) assert.ok((mesh.members[node]! >>> place) & 1)
  })
})
