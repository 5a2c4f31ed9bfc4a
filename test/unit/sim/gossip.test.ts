import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { firstOf, sizeOf, someOf } from '../../../sim/gossip/bits.ts'
import { GossipRun } from '../../../sim/gossip/gossip-run.ts'
import { exponential, jitterTable } from '../../../sim/gossip/jitter.ts'
import { makeLinks } from '../../../sim/gossip/links.ts'
import { REGIONS } from '../../../sim/gossip/regions.ts'
import type { GossipReport } from '../../../sim/gossip/report.ts'
import { type GossipScenario, gossipScenario, meshSizes } from '../../../sim/gossip/scenario.ts'
import { Tally } from '../../../sim/gossip/tally.ts'
import { GRAFT, IDONTWANT } from '../../../sim/gossip/wire.ts'
import { Streams } from '../../../sim/kernel/streams.ts'

const run = (change: Partial<GossipScenario>): GossipReport =>
  new GossipRun(gossipScenario(change)).run()

const SIZES = meshSizes(8)

/** Of the default scenario, as measured without attackers; what is off must not change what happens. */
const KNOWN_RUN = { hash: 'fdb3ba9f0c4dc872', deliveryHash: 'adf371cd0005a80f' }

/** What must not depend on whether arrivals that change nothing are queued. */
function observed(report: GossipReport) {
  const { events, received, lost, elided, hash, duplicates, ...rest } = report
  return rest
}

describe('gossip', () => {
  it('reaches everybody where nothing goes wrong, in a mesh of the size that is wanted', () => {
    const report = run({ nodes: 1000, messages: 20 })
    assert.equal(report.delivered, 20 * 999)
    assert.equal(report.delivered, report.expected)
    assert.equal(report.reach, 1)
    assert.ok(report.meshDegree >= SIZES.dLow && report.meshDegree <= SIZES.dHigh)
    assert.ok(report.p50Ms > 50 && report.p50Ms < report.p90Ms && report.p90Ms < report.p99Ms)
    assert.ok(report.p99Ms < 500, `${report.p99Ms} ms`)
    assert.equal(report.inFlight, 0)
  })

  it('is the same run from the same seed, and another from another', () => {
    const faults = { nodes: 300, messages: 10, leavesPerHour: 120, loss: 0.05, silent: 0.1 }
    const first = run({ ...faults, seed: 5 })
    assert.deepEqual(run({ ...faults, seed: 5 }), first)
    assert.notEqual(run({ ...faults, seed: 6 }).hash, first.hash)
  })

  it('delivers the same when arrivals that change nothing are not queued', () => {
    const scenario = fc.record({
      seed: fc.nat(1000),
      nodes: fc.integer({ min: 2, max: 150 }),
      dials: fc.integer({ min: 1, max: 12 }),
      intervalMs: fc.constantFrom(20, 300, 1000, 7000),
      messages: fc.integer({ min: 1, max: 40 }),
      messageBytes: fc.constantFrom(100, 1024, 100_000),
      uplinkMbps: fc.constantFrom(1, 20, 1000),
      validationUs: fc.constantFrom(0, 1000, 50_000),
      loss: fc.constantFrom(0, 0.1),
      silent: fc.constantFrom(0, 0.3),
      leavesPerHour: fc.constantFrom(0, 200, 600),
      awayMs: fc.constantFrom(2000, 5000),
    })
    let elided = 0
    const property = fc.property(scenario, (change) => {
      const few = run({ ...change, elides: true })
      const full = run({ ...change, elides: false })
      elided += few.elided
      assert.deepEqual(observed(few), observed({ ...full, inFlight: few.inFlight }))
      if (change.leavesPerHour === 0) {
        // What is still on its way at the end is a copy in one run, and counted already in the other.
        assert.ok(full.inFlight > 0 || few.duplicates === full.duplicates)
      }
    })
    fc.assert(property, { numRuns: 40 })
    assert.ok(elided > 10_000, `only ${elided} arrivals were elided`)
  })

  it('reaches all when a fifth of the nodes pass nothing on, only later', () => {
    const honest = run({ nodes: 1000, messages: 20, seed: 3 })
    const some = run({ nodes: 1000, messages: 20, seed: 3, silent: 0.2 })
    assert.equal(some.reach, 1)
    assert.ok(some.p99Ms > honest.p99Ms)
    assert.ok(some.sent < honest.sent)
  })

  it('finds those again that went away, and they catch up', () => {
    const report = run({ nodes: 300, messages: 60, leavesPerHour: 240, awayMs: 10_000 })
    assert.ok(report.lost > 0)
    assert.ok(report.caughtUp > 0)
    assert.ok(report.reach > 0.999 && report.reach <= 1, `${report.reach}`)
    assert.ok(report.meshDegree >= SIZES.dLow)
  })

  it('hands nobody what was sent to it before it went away, though it is back', () => {
    const formed = new GossipRun(gossipScenario({ nodes: 60 }))
    assert.equal(formed.run(2_000_000).lost, 0)
    const { wire } = formed
    const peer = wire.links.peers[0]!
    wire.send(0, 0, GRAFT, 0, 0, 64)
    wire.turn(peer)
    wire.turn(peer)
    const report = formed.run(2_900_000)
    assert.ok(report.lost > 0)
    assert.equal(report.sent, report.received + report.lost + report.elided + report.inFlight)
  })

  it('asks by IWANT for what the mesh did not bring', () => {
    // Two thirds silent: meshes fall apart, and only what is told of outside them arrives late.
    const report = run({ nodes: 500, messages: 20, silent: 0.66 })
    assert.ok(report.control.iwant > 0)
    assert.ok(report.p99Ms > 500, `${report.p99Ms} ms`)
    assert.ok(report.reach > 0.99, `${report.reach}`)
  })

  it('spares nodes copies of large messages that they have said they have, and no others', () => {
    // On links of a few milliseconds word of a copy overtakes the next one, where nodes take long to validate.
    const slow = { nodes: 200, messages: 20, validationUs: 100_000 }
    const [small, large] = [511, 512].map((messageBytes) => run({ ...slow, messageBytes }))
    assert.equal(small!.reach, 1)
    assert.equal(large!.reach, 1)
    assert.ok(large!.duplicates < 0.8 * small!.duplicates, `${large!.duplicates}`)
    // What a node had told of in time, it was not sent: nothing comes later than it would have.
    assert.ok(large!.p99Ms <= 1.05 * small!.p99Ms, `${large!.p99Ms}, ${small!.p99Ms} ms`)
  })

  it('has nobody say that it has what it published itself', () => {
    const formed = new GossipRun(gossipScenario({ nodes: 60, messages: 1 }))
    formed.run()
    const [publisher] = formed.publishers
    const told = formed.wire.sentByKind[IDONTWANT]!
    const meshes = [...formed.mesh.members].map(sizeOf)
    const without = meshes.reduce((sum, size) => sum + size, 0) - meshes[publisher!]!
    // All but the publisher tell their mesh, but for who brought the message where that is a member.
    assert.ok(told < without && told >= without - 59, `${told} of ${without}`)
  })

  it('keeps what is sent, received, lost, elided and in flight in balance at any moment', () => {
    const faults = { nodes: 200, messages: 30, leavesPerHour: 300, awayMs: 4000, loss: 0.1 }
    const stopped = new GossipRun(gossipScenario(faults))
    let inFlight = 0
    for (let untilUs = 0; untilUs < stopped.endUs; untilUs += 777_777) {
      const report = stopped.run(untilUs)
      const { sent, received, lost, elided } = report
      assert.equal(sent, received + lost + elided + report.inFlight)
      assert.ok(report.delivered <= report.expected)
      inFlight += report.inFlight
    }
    assert.ok(inFlight > 0)
    assert.deepEqual(stopped.run(), run(faults))
  })

  it('fails where more is delivered than is expected', () => {
    const tally = new Tally()
    tally.published(1)
    tally.arrived(10, 1, 0, 10, true)
    assert.throws(
      () => tally.arrived(11, 2, 0, 11, true),
      /message 0 was delivered to 2 of 1 nodes/,
    )
  })

  it('is the run it was where nobody attacks and nothing is cut off', () => {
    const { hash, deliveryHash } = run({ seed: 1, nodes: 1000, messages: 60 })
    assert.deepEqual({ hash, deliveryHash }, KNOWN_RUN)
  })

  it('suffers from an attacker as each attack is meant, and not from its nodes while they are good', () => {
    const few = { nodes: 300, dials: 3, messages: 30, targets: 1, targetsPublish: 0.2 }
    const many = { ...few, sybils: 1200, sybilDials: 6 }
    const quiet = run(few)
    const good = run(many)
    assert.equal(good.reach, 1)
    assert.equal(good.delivered, quiet.delivered)
    const degraded = run({ ...many, attack: 'degrade' })
    assert.ok(degraded.p99Ms > 3 * quiet.p99Ms, `${degraded.p99Ms} ms`)
    const late = run({ ...many, attack: 'degrade', attackFromMs: 20_000 })
    assert.ok(late.p50Ms > good.p50Ms && late.p50Ms < degraded.p50Ms, `${late.p50Ms} ms`)
    const censored = run({ ...many, attack: 'censor' })
    assert.ok(censored.p99Ms > good.p99Ms && censored.p50Ms < degraded.p50Ms)
    const cold = run({ ...many, attack: 'cold-boot' })
    assert.ok(cold.reach < 0.95 && cold.targetsHear < 1, `${cold.reach}`)
    const spam = run({ ...many, attack: 'spam' })
    assert.ok(spam.control.iwant > 3 * degraded.control.iwant)
  })

  it('cuts regions off for a while, and lets what was published meanwhile through only as far as gossip goes', () => {
    const cut = { cutRegions: ['frankfurt'], cutFromMs: 10_000, cutForMs: 20_000 }
    const cutOff = new GossipRun(gossipScenario({ nodes: 300, messages: 50, ...cut }))
    assert.ok(cutOff.run().reach < 0.95)
    const reach = (message: number) => {
      const { delivered, expected } = cutOff.tally.of(message)
      return delivered / expected
    }
    assert.equal(reach(5), 1)
    assert.ok(reach(15) < 1)
    assert.equal(reach(40), 1)
  })

  it('takes a share of the nodes away at once, and has them back', () => {
    const outage = { outage: 0.5, outageAtMs: 10_000, awayMs: 10_000 }
    const report = run({ nodes: 300, messages: 60, ...outage })
    assert.ok(report.lost > 0)
    assert.ok(report.expected < 0.95 * 60 * 299)
    assert.ok(report.reach > 0.9, `${report.reach}`)
  })

  it('finds a way to nodes that nobody can dial', () => {
    const scenario = gossipScenario({ nodes: 300, messages: 20, private: 0.8 })
    const { all, dialled } = new GossipRun(scenario).wire.links
    const inward = all.map((set, node) => sizeOf(set & ~dialled[node]!))
    const unreachable = inward.filter((count) => count === 0).length
    assert.ok(unreachable > 200 && unreachable < 270, `${unreachable}`)
    assert.ok(run(scenario).reach > 0.99)
  })

  it('refuses scenarios that cannot be, by the name of the field', () => {
    const refused: [Partial<GossipScenario>, RegExp][] = [
      [{ nodes: 0 }, /nodes is 0; give a whole number from 2/],
      [{ nodes: 2.5 }, /nodes is 2.5/],
      [{ loss: -0.1 }, /loss is -0.1; give a number from 0 to 0.9/],
      [{ validationUs: -1 }, /validationUs is -1/],
      [{ intervalMs: Number.NaN }, /intervalMs is NaN/],
      [{ uplinkMbps: 0 }, /uplinkMbps is 0/],
      [{ attack: 'degrade' }, /attack is degrade, but sybils is 0/],
      [{ attack: 'eclipse', sybils: 5 }, /attack is eclipse, but targets is 0/],
      [{ cutRegions: ['atlantis'] }, /cutRegions has atlantis; the regions are us-east, /],
      [{ cutRegions: ['tokyo'], leavesPerHour: 6 }, /cutRegions and leavesPerHour/],
      [
        { nodes: 500_000, messages: 60_000, intervalMs: 1 },
        /nodes is 500000 and intervalMs 1: that takes about \d+ MiB, and 4096 are allowed; take fewer/,
      ],
    ]
    for (const [change, message] of refused) {
      assert.throws(() => gossipScenario(change), message)
    }
    gossipScenario({ nodes: 1_000_000, messages: 60 })
  })
})

describe('what gossip is made of', () => {
  it('links both ways, nobody to itself or twice, within the bits of a word', () => {
    const scenario = gossipScenario({ nodes: 400, dials: 16 })
    const links = makeLinks(scenario, new Streams(1, 'world', 400))
    for (let node = 0; node < 400; node++) {
      const own = links.peers.subarray(links.first[node], links.first[node + 1])
      assert.equal(new Set([...own, node]).size, own.length + 1)
      assert.equal(sizeOf(links.all[node]!), own.length)
      assert.ok(own.length <= 32)
      own.forEach((peer, place) => {
        const back = links.first[peer]! + links.places[links.first[node]! + place]!
        assert.equal(links.peers[back], node)
        assert.equal(links.delaysUs[back], links.delaysUs[links.first[node]! + place])
      })
    }
  })

  it('has regions for every hundredth, and a way between any two', () => {
    assert.equal(
      REGIONS.reduce((sum, { share }) => sum + share, 0),
      100,
    )
    REGIONS.forEach(({ roundTripsMs }, index) => {
      assert.equal(roundTripsMs.length, index + 1)
    })
  })

  it('has jitter as the lognormal distribution has it, without the engine’s own functions', () => {
    for (const x of [-3, -0.5, 0, 1, 2.5]) {
      assert.ok(Math.abs(exponential(x) / Math.exp(x) - 1) < 1e-12)
    }
    const table = jitterTable()
    assert.ok(table.every((extra, index) => index === 0 || extra > table[index - 1]!))
    // The standard normal distribution's 0.5 and 0.975 quantiles are 0 and 1.959964.
    assert.ok(Math.abs(table[512]! - 0.02) < 1e-4)
    assert.ok(Math.abs(table[998]! - 0.02 * Math.exp(0.7 * 1.959964)) < 1e-3)
  })

  it('draws from sets without leaving them', () => {
    const streams = new Streams(1, 'protocol', 1)
    const property = fc.property(fc.integer(), fc.integer({ min: 0, max: 33 }), (set, wanted) => {
      const members = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (set >>> bit) & 1)
      assert.equal(sizeOf(set), members.length)
      if (members.length > 0) assert.equal(firstOf(set), members[0])
      const some = someOf(set, wanted, streams, 0)
      assert.equal(some & ~set, 0)
      assert.equal(sizeOf(some), Math.min(wanted, members.length))
    })
    fc.assert(property)
  })
})
