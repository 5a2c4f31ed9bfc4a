import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { writeReport } from '../../../sim/cli/page.ts'
import { readResults } from '../../../sim/cli/results.ts'
import { told } from '../../../sim/cli/study.ts'
import { takesUs } from '../../../sim/transfer/access.ts'
import { idealUsOf, reportOf } from '../../../sim/transfer/report.ts'
import {
  fileBytesOf,
  type TransferScenario,
  transferScenario,
} from '../../../sim/transfer/scenario.ts'
import { TransferRun } from '../../../sim/transfer/transfer-run.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { study } from '../../harness/study.ts'

function run(change: Partial<TransferScenario>): TransferRun {
  const made = new TransferRun(transferScenario(change))
  made.run()
  return made
}

const SMALL = { nodes: 60, holders: 2, fileMiB: 12 }
const PAIR = { nodes: 2, holders: 1, home: 1, datacentre: 0, inFlight: 1000 }

describe('a transfer', () => {
  it('between two nodes takes what can be worked out by hand', () => {
    // Ten blocks of 128 KiB and one of 64: the request's way, all through the slower line, one through the other, the way back.
    const pair = { ...PAIR, fileMiB: 1.3125, blockKiB: 128 }
    const [block, last] = [128 * 1024, 64 * 1024]
    const fast = run({ ...pair, holderAccess: 'datacentre' })
    const wayUs = fast.population.links.delaysUs[0]!
    // 1000 Mbit/s up and 100 down: once the first is there, the getter's line is never idle.
    const downUs = takesUs(block, 1000) + 10 * takesUs(block, 100) + takesUs(last, 100)
    assert.equal(fast.doneUs[1], 2 * wayUs + downUs)
    // 20 Mbit/s up: the last waits for all before it, and then comes in at once.
    const slow = run({ ...pair, holderAccess: 'home' })
    const upUs = 10 * takesUs(block, 20) + takesUs(last, 20) + takesUs(last, 100)
    assert.equal(slow.doneUs[1], 2 * wayUs + upUs)
    assert.equal(takesUs(block, 100), 10_486)
    // One at a time: each block makes the whole way before the next is asked for.
    const one = run({ ...pair, holderAccess: 'home', inFlight: 1 })
    const turnsUs = 11 * 2 * wayUs + upUs + 10 * takesUs(block, 100)
    assert.equal(one.doneUs[1], turnsUs)
  })

  const variants: Partial<TransferScenario>[] = [
    {},
    { order: 'random' },
    { serving: 'holders', holders: 1 },
    { inFlight: 2, patienceMs: 0 },
    { asking: 'all' },
    { home: 0, datacentre: 1, holderAccess: 'home' },
    { arriveOverMs: 20_000, stragglers: 0.3 },
    { leavers: 0.4, stragglers: 0.2, poisoned: 0.2, wanting: 0.7, patienceMs: 500 },
    { fileMiB: 3.3, blockKiB: 256, dials: 1, providers: 1 },
  ]
  for (const variant of variants) {
    it(`is never faster than its lines, and keeps count of every byte (${JSON.stringify(variant)})`, () => {
      for (const seed of [1, 2, 3]) {
        const done = run({ ...SMALL, ...variant, seed })
        const { population, scenario, doneUs } = done
        const { holders, wanters, wantsUs, downMbps, upMbps } = population
        const bytes = fileBytesOf(scenario)
        let having = 0
        for (let node = holders; node < holders + wanters; node++) {
          if (Number.isNaN(doneUs[node]!)) continue
          having += 1
          assert.ok(doneUs[node]! - wantsUs[node]! >= takesUs(bytes, downMbps[node]!))
        }
        const report = reportOf(done)
        assert.ok(idealUsOf(done) <= 1e6 * report.spanSeconds)
        assert.equal(report.doneShare, 1)
        assert.equal(having + report.left, wanters)
        // Who left had half of it; what came is what was sent, as far as it has arrived.
        const useful = done.fromHolders + done.fromOthers
        assert.ok(useful >= having * bytes + (report.left * bytes) / 2)
        const sent = done.uplinks.sentBytes.reduce((sum, of) => sum + of, 0)
        assert.ok(useful + done.wasted <= sent)
        const mostBits = upMbps.map((mbps) => mbps * done.wheel.nowUs)
        for (const [node, of] of done.uplinks.sentBytes.entries()) {
          assert.ok(8 * of <= mostBits[node]! + 1, `node ${node} sent more than its line carries`)
        }
      }
    })
  }

  it('is the same again from one seed, and another from another', () => {
    const hash = (seed: number) => run({ ...SMALL, seed, poisoned: 0.2, wanting: 0.8 }).hash.digest
    assert.equal(hash(4), hash(4))
    assert.notEqual(hash(4), hash(5))
  })

  it('is alike in steps and at once', () => {
    const stepped = new TransferRun(transferScenario(SMALL))
    for (let untilUs = 0; !stepped.isOver; untilUs += 100_000) stepped.run(untilUs)
    assert.equal(stepped.hash.digest, run(SMALL).hash.digest)
  })

  it('spares the holders where everybody gives, and nobody else gives where only holders may', () => {
    const scarce = { ...SMALL, holderAccess: 'home' } as const
    const shared = run({ ...scarce, order: 'random' })
    const alone = run({ ...scarce, serving: 'holders' })
    assert.equal(alone.fromOthers, 0)
    assert.ok(shared.fromHolders < alone.fromHolders / 2)
    assert.ok(reportOf(shared).worstSeconds < reportOf(alone).worstSeconds)
  })

  it('brings a block from each neighbour where all are asked, as it did with real nodes', () => {
    // A holder and two that want eight blocks, all linked: each gets each block from the holder and from the other.
    const three = {
      nodes: 3,
      holders: 1,
      dials: 4,
      fileMiB: 8,
      asking: 'all',
      inFlight: 8,
    } as const
    const all = run(three)
    const inAll = all.uplinks.sentBytes
    assert.equal(inAll[0], 2 * 8 * 2 ** 20)
    const copies = run({ ...three, asking: 'one' }).counters.copies
    assert.ok(all.counters.copies > 0 && copies === 0)
  })

  it('asks nobody again who gave wrong bytes, and goes on elsewhere', () => {
    const done = run({ ...SMALL, poisoned: 0.4, wanting: 0.6, inFlight: 1 })
    const { counters, population } = done
    assert.ok(counters.wrongBlocks > 0)
    assert.equal(counters.done, population.wanters)
    // With one block awaited at a time, each neighbour can deceive but once.
    const { owners, peers } = population.links
    const deceivers = [...owners.keys()].filter(
      (link) => owners[link]! < 2 + population.wanters && done.isPoisoned(peers[link]!),
    )
    assert.ok(counters.wrongBlocks <= deceivers.length)
    assert.equal(done.wasted, counters.wrongBlocks * 2 ** 20)
  })

  it('ends where nothing more can come, and says who went without', () => {
    const lonely = run({ ...SMALL, dials: 1, providers: 0, poisoned: 0.5, wanting: 0.5 })
    const { doneShare, worstSeconds, virtualSeconds } = reportOf(lonely)
    assert.ok(doneShare > 0 && doneShare < 1, `${doneShare}`)
    assert.equal(worstSeconds, virtualSeconds)
  })

  it('asks another where a slow neighbour owes it a block', () => {
    const slow = { ...SMALL, fileMiB: 48, stragglers: 0.2, order: 'random' } as const
    const patient = reportOf(run({ ...slow, patienceMs: 0 }))
    const impatient = reportOf(run({ ...slow, patienceMs: 3000 }))
    assert.ok(impatient.givenUp > 0 && patient.givenUp === 0)
    assert.ok(impatient.p50Seconds < patient.p50Seconds)
  })
})

describe('a study of transfers', () => {
  let root: string
  before(() => {
    root = testFolder('transfers')
  })
  after(() => removeFolder(root))

  const TEXT = `
name: fetch
depth: transfer
seeds: 3
world: { nodes: 40, holders: 2 }
workload: { fileMiB: 8 }
sweep: { workload.serving: [holders, everyone] }
`
  it('is written, plotted and found again as it was', () => {
    const { folder, summary } = study(TEXT, root)
    assert.deepEqual(study(TEXT, root).summary, summary)
    const read = readResults(folder)
    assert.deepEqual(read.summary, JSON.parse(JSON.stringify(summary)))
    assert.deepEqual(read.tables.reach!.columns, ['arm', 'seed', 'afterMs', 'share'])
    for (const arm of [0, 1]) {
      assert.equal(read.tables.reach!.rows.filter((row) => row[0] === arm).at(-1)![3], 1)
    }
    writeReport(read)
    for (const name of ['having', 'waiting', 'wasted', 'throughput', 'bandwidth']) {
      const path = join(folder, 'plots', `${name}.svg`)
      assert.ok(existsSync(path), name)
      const svg = readFileSync(path, 'utf8')
      assert.ok(!svg.includes('NaN') && !svg.includes('undefined'), name)
    }
    assert.match(told(summary), /serving everyone +1 /)
  })

  it('fails where nobody was slow, left or deceived that should have been', () => {
    const idle = study(
      `${TEXT}faults: { stragglers: 0.0001, leavers: 0.0001 }\nadversaries: { poisoned: 0.0001 }`.replace(
        'fileMiB: 8',
        'fileMiB: 1, wanting: 0.5',
      ),
      root,
    )
    const texts = idle.summary.verdicts.map(({ text }) => text).join('\n')
    assert.match(texts, /faults.stragglers never happened/)
    assert.match(texts, /faults.leavers never happened/)
    assert.match(texts, /adversaries.poisoned did nothing/)
    assert.equal(idle.summary.passed, false)
  })
})
