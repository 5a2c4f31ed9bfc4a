import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { calibrate, scenariosOf } from '../../../sim/cli/calibrate.ts'
import { BARS, judge, type Measured, measuredOf } from '../../../sim/cli/calibration.ts'
import {
  calibrationOf,
  readCalibration,
  toldCalibration,
  writeCalibration,
} from '../../../sim/cli/calibration-results.ts'
import { quantileOf, sampled } from '../../../sim/cli/distributions.ts'
import { sizeOf } from '../../../sim/gossip/bits.ts'
import { GossipRun } from '../../../sim/gossip/gossip-run.ts'
import { STEP_US } from '../../../sim/gossip/tally.ts'
import type { RealRun } from '../../../sim/real/observed.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const OPTIONS = {
  ...{ seeds: '5', nodes: '30', dials: '6', messages: '60', intervalMs: '250' },
  ...{ messageBytes: '256', dilation: '10', out: 'out' },
}
const [SCENARIO] = scenariosOf(OPTIONS)

/** What real nodes would have measured, were they exactly as the model; delays are so many times as long. */
function played(times = 1, loopDelayP99Ms = 5): RealRun {
  const run = new GossipRun(SCENARIO!)
  run.run(3_000_000)
  const { links } = run.wire
  const meshes = Array.from({ length: SCENARIO!.nodes }, (_, node) => {
    const peers = [...links.peers.subarray(links.first[node], links.first[node + 1])]
    return peers.filter((_, place) => (run.mesh.members[node]! >>> place) & 1)
  })
  const { delivered, expected, duplicates } = run.run()
  const deliveries = [...run.tally.delays].flatMap((count, step) =>
    Array.from({ length: count }, () => {
      const delayMs = (times * (step + 0.5) * STEP_US) / 1000
      return [0, 0, delayMs] as const
    }),
  )
  return {
    ...{
      scenario: SCENARIO!,
      clock: 'real',
      dilation: 10,
      deliveries,
      expected,
      meshes,
      meshesAfter: meshes,
    },
    ...{ copies: delivered * (1 + duplicates), loopDelayP99Ms, tookSeconds: 1 },
  }
}

describe('calibration', () => {
  let root: string
  before(() => {
    root = testFolder('calibration')
  })
  after(() => removeFolder(root))

  it('finds nothing off where the real nodes are as the model, and the measured mesh is theirs', () => {
    const { judgements, passed, rejected } = calibrationOf([played()], 'x')
    const [own, measured] = judgements
    assert.deepEqual(
      judgements.map(({ mesh }) => mesh),
      ['own', 'measured'],
    )
    assert.deepEqual(measured!.missed, [])
    assert.equal(measured!.kolmogorovSmirnov < 0.01 && measured!.wasserstein < 0.005, true)
    assert.deepEqual(own!.missed, [])
    assert.deepEqual([passed, rejected], [true, []])
  })

  it('misses the bars that a slower network misses, and no others', () => {
    const { judgements, passed } = calibrationOf([played(1.08)], 'x')
    const measured = judgements[1]!
    assert.deepEqual(measured.missed, ['p50Ms', 'p90Ms', 'p99Ms', 'wasserstein'])
    assert.ok(Math.abs(measured.wasserstein - 0.08 / 1.08) < 0.01, `${measured.wasserstein}`)
    assert.equal(passed, false)
    assert.match(toldCalibration(calibrationOf([played(1.08)], 'x')), /✗ ≤ 5 %/)
  })

  it('holds each bar to what it is, on both sides', () => {
    const real: Measured = {
      ...{ delays: sampled([100]), duplicates: 10, meshDegree: 6, reach: 1 },
    }
    const missed = (change: Partial<Measured>) =>
      judge([1], 'own', real, { ...real, ...change }).missed
    assert.deepEqual(missed({ duplicates: 10 * (1 + BARS.duplicates - 0.001) }), [])
    assert.deepEqual(missed({ duplicates: 10 * (1 + BARS.duplicates + 0.001) }), ['duplicates'])
    assert.deepEqual(missed({ duplicates: 10 * (1 - BARS.duplicates - 0.001) }), ['duplicates'])
    assert.deepEqual(missed({ reach: 0.9985 }), ['reach'])
    assert.deepEqual(missed({ delays: sampled([102]) }), [])
    assert.deepEqual(missed({ delays: sampled([104]) }), ['wasserstein'])
    assert.deepEqual(missed({ delays: sampled([94]) }).length, 4)
  })

  it('rejects a run whose event loop was late, and judges it by nothing', () => {
    const medianMs = quantileOf(measuredOf(played()).delays, 0.5)
    const late = calibrationOf([played(1, 10 * medianMs * 0.021)], 'x')
    assert.deepEqual([late.rejected, late.judgements, late.passed], [[5], [], false])
    assert.match(toldCalibration(late), /seed 5 is rejected: .* 2\.10 % .* 2 % are allowed/)
    assert.deepEqual(calibrationOf([played(1, 10 * medianMs * 0.019)], 'x').rejected, [])
  })

  it('takes part in the mesh that it is given, whatever its own would be', () => {
    const lone = new Int32Array(SCENARIO!.nodes)
    const run = new GossipRun(SCENARIO!, { meshes: lone })
    const { duplicates, meshDegree, control } = run.run()
    assert.equal(meshDegree, 0)
    assert.ok(control.iwant > 0 && duplicates < 2)
    const other = new GossipRun(SCENARIO!, { draw: 1 })
    other.run()
    const own = new GossipRun(SCENARIO!)
    own.run()
    assert.deepEqual(other.publishers, own.publishers)
    assert.notDeepEqual(other.mesh.members, own.mesh.members)
    assert.ok(own.mesh.members.every((set) => sizeOf(set) >= 4))
  })

  it('keeps its real runs, judges them again, and stands in a page', async () => {
    const folder = join(root, 'kept')
    const runs = [played()]
    writeCalibration(folder, calibrationOf(runs, 'npm run sim -- calibrate'), runs)
    const before = readCalibration(folder)
    const quiet = process.stdout.write
    process.stdout.write = () => true
    try {
      assert.equal(await calibrate({ ...OPTIONS, from: folder }), 0)
    } finally {
      process.stdout.write = quiet
    }
    assert.deepEqual(readCalibration(folder), before)
    const page = readFileSync(join(folder, 'report.html'), 'utf8')
    assert.match(page, /Error of the model beside real nodes/)
    assert.match(page, /within all bars/)
    const csv = readFileSync(join(folder, 'deliveries.csv'), 'utf8').trimEnd().split('\n')
    assert.equal(csv.length, 1 + runs[0]!.deliveries.length)
    await assert.rejects(calibrate({ ...OPTIONS, from: root }), /holds no calibration/)
  })

  it('refuses what no real run can be', () => {
    assert.throws(() => scenariosOf({ ...OPTIONS, nodes: '1' }), /nodes is 1; give a whole number/)
    assert.throws(() => scenariosOf({ ...OPTIONS, dials: 'six' }), /dials six is no whole number/)
    assert.throws(
      () => scenariosOf({ ...OPTIONS, messageBytes: '3' }),
      /message-bytes 3 is too few/,
    )
    assert.deepEqual(
      scenariosOf({ ...OPTIONS, seeds: '2,3' }).map(({ seed }) => seed),
      [2, 3],
    )
  })
})
