import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { armsOf } from '../../../sim/cli/arms.ts'
import { bandsOf } from '../../../sim/cli/bands.ts'
import { writeCalibration } from '../../../sim/cli/calibration-results.ts'
import { compare, toldComparison } from '../../../sim/cli/compare.ts'
import { drawComparison } from '../../../sim/cli/comparison-plots.ts'
import type { Table } from '../../../sim/cli/outcome.ts'
import { writeReport } from '../../../sim/cli/page.ts'
import { lineOf } from '../../../sim/cli/progress.ts'
import { folderOf, readResults } from '../../../sim/cli/results.ts'
import { ordersOf, runInThreads, runOrder } from '../../../sim/cli/runner.ts'
import { parseScenario } from '../../../sim/cli/scenario-file.ts'
import { estimate, pairedDifference } from '../../../sim/cli/statistics.ts'
import { told } from '../../../sim/cli/study.ts'
import { csvOf, tableOf } from '../../../sim/cli/tables.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { study } from '../../harness/study.ts'

const GOSSIP = `
name: trial
about: <b>not</b> a tag
depth: gossip
seeds: 3
world: { nodes: 40 }
workload: { messages: 6 }
sweep: { workload.messageBytes: [100, 100000] }
`
const PROTOCOL = `
name: jobs
depth: protocol
seeds: 2
workload: { jobs: 2, workloadMs: 5000 }
faults: { loss: 0.1 }
`

/** Half of the false claims are such that no check tells them, so that much is found late, and slashed. */
const RATES = `
name: rates
depth: economy
seeds: 2
world: { nodes: 40 }
workload: { epochs: 800 }
faults: { miss: 0.5 }
adversaries: { strategy: lazy }
sweep: { adversaries.cheatRate: [0, 0.5, 1] }
`

function drawnIn(folder: string): string[] {
  const files = readdirSync(join(folder, 'plots'))
  return files.map((file) => file.replace('.svg', '')).sort()
}

describe('a study', () => {
  let root: string
  before(() => {
    root = testFolder('study')
  })
  after(() => removeFolder(root))

  it('finds the same in threads as here, in the same order', async () => {
    const parsed = parseScenario(GOSSIP)
    const orders = ordersOf(parsed, armsOf(parsed))
    const done: number[] = []
    const watcher = { onProgress: () => undefined, onOutcome: () => done.push(1) }
    const outcomes = await runInThreads(orders, 2, watcher)
    assert.deepEqual(
      outcomes,
      orders.map((order) => runOrder(order)),
    )
    assert.equal(done.length, orders.length)
  })

  it('says which seed broke', async () => {
    const [order] = ordersOf(parseScenario(GOSSIP), armsOf(parseScenario(GOSSIP)))
    const broken = { ...order!, settings: { ...order!.settings, world: { nodes: 0 } } }
    const watcher = { onProgress: () => undefined, onOutcome: () => undefined }
    await assert.rejects(runInThreads([broken], 1, watcher), /seed 1: nodes is 0/)
  })

  it('measures the same network in every arm: only what is swept makes a difference', () => {
    const { summary } = study(GOSSIP, root)
    const [small, large] = summary.arms
    assert.ok(large!.differences['p50Ms']!.low > 0)
    // Where nodes are and who publishes is alike, so a pair of runs varies less than two seeds do.
    const { low, high } = large!.differences['p50Ms']!
    const { low: least, high: most } = small!.figures['p50Ms']!
    assert.ok(high - low < most - least)
  })

  it('keeps its hashes and figures in a folder, and finds them there again', () => {
    const { folder, summary, outcomes } = study(GOSSIP, root)
    const read = readResults(folder)
    assert.deepEqual(read.summary, JSON.parse(JSON.stringify(summary)))
    assert.equal(new Set(read.summary.runs.map(({ hash }) => hash)).size, 6)
    assert.equal(read.tables.upload!.rows.length, 6 * 101)
    assert.deepEqual(read.tables.reach!.columns, ['arm', 'seed', 'afterMs', 'share'])
    const last = read.tables.reach!.rows.filter((row) => row[0] === 1 && row[1] === 3).at(-1)!
    assert.equal(last[3], outcomes.at(-1)!.figures['reach'])
    for (const name of ['runs', 'reach', 'seconds', 'messages', 'upload']) {
      const bytes = readFileSync(join(folder, `${name}.parquet`))
      assert.equal(bytes.subarray(0, 4).toString() + bytes.subarray(-4).toString(), 'PAR1PAR1')
    }
    assert.match(told(summary), /messageBytes 100000 +1 +\d/)
  })

  it('is in the folder of another scenario where anything is different', () => {
    const one = folderOf(parseScenario(GOSSIP), 'root')
    assert.equal(
      folderOf(
        parseScenario(`${GOSSIP}measure: [reach, seconds, messages, upload, pay, load]`),
        'root',
      ),
      one,
    )
    assert.notEqual(folderOf(parseScenario(`${GOSSIP}faults: { loss: 0.1 }`), 'root'), one)
  })

  it('fails where what is expected does not hold, or a fault never happens', () => {
    const expected = `expect:
  - { figure: reach, atLeast: 0.5 }
  - { figure: p50Ms, atMost: 1, where: { workload.messageBytes: 100 } }
  - { figure: p50Ms, atLeast: 1, where: { workload.messageBytes: 100000 }, against: { workload.messageBytes: 100 } }`
    const { summary } = study(GOSSIP + expected, root)
    assert.deepEqual(
      summary.verdicts.map(({ held }) => held),
      [true, true, false, true],
    )
    assert.equal(summary.passed, false)
    const quiet = study(`${GOSSIP}faults: { outage: 0.5, outageAtMs: 86400000 }`, root)
    assert.match(
      quiet.summary.verdicts[0]!.text,
      /faults.outage never happened \(messageBytes 100\)/,
    )
  })

  it('compares with another, seed by seed', () => {
    const earlier = readResults(study(GOSSIP, root).folder)
    assert.deepEqual([compare(earlier, earlier).alike, compare(earlier, earlier).pairs], [6, 6])
    const changed = study(`${GOSSIP}adversaries: { silent: 0.4 }`, root)
    const comparison = compare(earlier, readResults(changed.folder))
    assert.equal(comparison.alike, 0)
    const slower = comparison.differences.find(({ figure }) => figure === 'duplicates')!
    assert.ok(slower.isClear && slower.difference.high < 0)
    assert.match(
      toldComparison(comparison, 'gossip'),
      /≠ messageBytes 100: Copies beyond the first: \S+ → \S+ a delivery, -/,
    )
    assert.throws(
      () => compare(earlier, readResults(study(PROTOCOL, root).folder)),
      /one is of depth gossip/,
    )
  })

  it('tells in its page of a calibration in its folder, or in another', () => {
    const { folder } = study(GOSSIP, root)
    const page = (calibration?: string) =>
      readFileSync(writeReport(readResults(folder), calibration), 'utf8')
    assert.ok(!page().includes('Error of the model'))
    const calibration = {
      ...({ repeat: 'again', node: 'v0', clock: 'real', dilation: 10 } as const),
      ...{ nodes: 30, messages: 9, messageBytes: 256 },
      ...{ judgements: [], loopDelays: { 7: 0.05 }, rejected: [7], passed: false },
    }
    const other = join(root, 'other')
    writeCalibration(other, calibration, [])
    assert.match(page(other), /Error of the model.*seed 7 is rejected: .* 5\.00 %/s)
    writeCalibration(folder, calibration, [])
    assert.match(page(), /Error of the model/)
    rmSync(join(folder, 'calibration.json'))
  })

  it('says how far its distributions are from another’s, as worked out by hand', () => {
    const earlier = readResults(study(GOSSIP, root).folder)
    const columns = ['arm', 'seed', 'afterMs', 'share']
    const withReach = (rows: number[][]) => ({ ...earlier, tables: { reach: { columns, rows } } })
    // Seed 9 is in none of the runs. The second loses a fifth: how late the others are is compared.
    const one = withReach([
      [0, 1, 10, 0.5],
      [0, 1, 20, 1],
      [0, 9, 500, 1],
    ])
    const other = withReach([
      [0, 1, 10, 0.2],
      [0, 1, 20, 0.8],
    ])
    const [distance, ...more] = compare(one, other).distances
    assert.deepEqual(more, [])
    const { kolmogorovSmirnov, wasserstein, byMean, ...named } = distance!
    assert.deepEqual(named, { arm: 'messageBytes 100', kind: 'delay' })
    for (const [measured, wanted] of [
      [kolmogorovSmirnov, 0.25],
      [wasserstein, 2.5],
      [byMean, 2.5 / 15],
    ]) {
      assert.ok(Math.abs(measured! - wanted!) < 1e-9, `${measured}, not ${wanted}`)
    }
    assert.match(
      toldComparison(compare(one, other), 'gossip'),
      /Time to a delivery: Kolmogorov–Smirnov 0\.250, Wasserstein-1 2\.5 ms, 16\.7 % of the mean/,
    )
    const jobs = readResults(study(PROTOCOL, root).folder)
    const [settled] = compare(jobs, jobs).distances
    assert.deepEqual([settled!.kind, settled!.wasserstein], ['settled', 0])
  })

  it('is drawn over another, distribution by distribution', () => {
    const [one, other] = [GOSSIP, `${GOSSIP}adversaries: { silent: 0.4 }`].map((text) =>
      readResults(study(text, root).folder),
    )
    const paths = drawComparison(one!, other!, join(root, 'drawn'))
    assert.deepEqual(
      paths.map((path) => path.slice(root.length)),
      ['/drawn/delay-0.svg', '/drawn/upload-0.svg', '/drawn/delay-1.svg', '/drawn/upload-1.svg'],
    )
    for (const path of paths) {
      const svg = readFileSync(path, 'utf8')
      assert.ok(!svg.includes('NaN') && !svg.includes('undefined'))
      assert.ok(svg.includes('before: trial-') && svg.includes('after: trial-'))
    }
  })

  it('is reported on one page that needs nothing else, with each plot as a picture', () => {
    const { folder } = study(`${GOSSIP}adversaries: { silent: 0.2 }`, root)
    const page = readFileSync(writeReport(readResults(folder)), 'utf8')
    assert.ok(page.includes('&lt;b&gt;not&lt;/b&gt; a tag') && !page.includes('<b>not'))
    assert.ok(!/(src|href)=/.test(page.replaceAll(/href="#/g, '')))
    for (const name of ['reach', 'latency', 'bandwidth', 'duplicates', 'messages', 'traffic']) {
      const svg = readFileSync(join(folder, 'plots', `${name}.svg`), 'utf8')
      assert.ok(svg.startsWith('<svg xmlns='), name)
      assert.ok(!svg.includes('NaN') && !svg.includes('undefined'), name)
      assert.ok((svg.match(/<path/g) ?? []).length >= 2, name)
    }
  })

  it('of the production core shows jobs over time and what the faults did', () => {
    const { folder, summary } = study(PROTOCOL, root)
    assert.equal(summary.arms[0]!.figures['settledShare']!.mean, 1)
    writeReport(readResults(folder))
    assert.ok(existsSync(join(folder, 'plots', 'jobs.svg')))
    assert.match(readFileSync(join(folder, 'plots', 'faults.svg'), 'utf8'), />lost</)
    assert.throws(() => readResults(join(folder, '..')), /holds no results .*in it there are jobs-/)
  })
})

describe('a study of adversaries', () => {
  let root: string
  before(() => {
    root = testFolder('adversaries')
  })
  after(() => removeFolder(root))

  it('says what they earned beside honest nodes, and fails where one did nothing', () => {
    const text = `${PROTOCOL}sweep: { adversaries.kind: [none, idleWorkers] }`
    const { summary, folder } = study(text.replace('jobs: 2', 'jobs: 12'), root)
    writeReport(readResults(folder))
    assert.match(readFileSync(join(folder, 'plots', 'adversaries.svg'), 'utf8'), /idleWorkers/)
    const [honest, idle] = summary.arms.map(({ figures }) => figures)
    assert.equal(honest!['adversaryGain']!.mean, 0)
    assert.ok(idle!['adversaryGain']!.mean < 0 && idle!['adversaryEarned']!.mean === 0)
    assert.deepEqual(summary.verdicts, [])
    const never = study(
      `${PROTOCOL}adversaries: { withholdingValidators: 1, turncoatWorkers: 1 }`,
      root,
    )
    assert.match(
      never.summary.verdicts[0]!.text,
      /adversaries.turncoatWorkers did nothing: not with seed 1, 2/,
    )
    assert.equal(never.summary.passed, false)
  })

  it('of the economy is written, plotted and found again as it was', () => {
    const text = `
name: year
depth: economy
seeds: 2
world: { nodes: 40 }
workload: { epochs: 800 }
sweep: { adversaries.strategy: [honest, griefing] }
`
    const { folder, summary } = study(text, root)
    const [honest, griefing] = summary.arms.map(({ figures }) => figures)
    assert.equal(honest!['gain']!.mean, 0)
    assert.ok(griefing!['gain']!.mean < 0 && summary.passed)
    assert.deepEqual(study(text, root).summary, summary)
    const read = readResults(folder)
    assert.deepEqual(read.summary, JSON.parse(JSON.stringify(summary)))
    writeReport(read)
    assert.match(readFileSync(join(folder, 'plots', 'gain.svg'), 'utf8'), /griefing/)
    // Neither claims anything false nor loses stake.
    assert.deepEqual(drawnIn(folder), ['gain', 'gini', 'load', 'lorenz'])
    assert.equal(griefing!['detectedShare']!.count, 0)
  })

  it('of contributors is written, plotted and found again as it was', () => {
    const text = `
name: givers
depth: data
seeds: 3
world: { contributors: 12 }
workload: { settlements: 20 }
sweep: { adversaries.strategy: [honest, rewording] }
`
    const { folder, summary } = study(text, root)
    const [honest, rewording] = summary.arms.map(({ figures }) => figures)
    assert.equal(honest!['gain']!.mean, 0)
    assert.ok(rewording!['gain']!.mean < 0 && summary.passed)
    assert.deepEqual(study(text, root).summary, summary)
    const read = readResults(folder)
    assert.deepEqual(read.summary, JSON.parse(JSON.stringify(summary)))
    const { seconds, pay } = read.tables
    assert.equal(seconds?.rows.length, 2 * 3 * 20)
    const [earned, carried] = ['earned', 'carried'].map((name) => seconds!.columns.indexOf(name))
    assert.ok(seconds!.rows.every((row) => row[earned!]! >= 0 && row[carried!]! >= 0))
    assert.ok(pay!.rows.every((row) => row.at(-1)! <= 1))
    writeReport(read)
    assert.deepEqual(drawnIn(folder), ['earnings', 'gain', 'lorenz', 'threshold'])
    assert.match(readFileSync(join(folder, 'plots', 'lorenz.svg'), 'utf8'), /contributors’ pay/)
  })

  it('of the economy keeps who is paid what, who does what, and what happened month by month', () => {
    const { seconds, pay, load } = readResults(study(RATES, root).folder).tables
    const of = (table: Table | undefined) =>
      table!.rows.filter((row) => row[0] === 2 && row[1] === 2).map((row) => row.slice(2))
    const curve = of(pay)
    assert.deepEqual([curve.length, curve[0], curve.at(-1)], [101, [0, 0], [1, 1]])
    assert.ok(curve.every(([, share], step) => step === 0 || share! >= curve[step - 1]![1]!))
    assert.equal(of(load).length, 32)
    assert.deepEqual(
      of(seconds).map(([atSeconds]) => atSeconds! / 3600),
      [0, 730, 800],
    )
    const last = of(seconds).at(-1)!
    const { figures } = study(RATES, root).summary.runs.at(-1)!
    assert.deepEqual(
      last.slice(1),
      ['ringSlashed', 'honestLost', 'adversaryProfit', 'honestProfit'].map((name) => figures[name]),
    )
    const only = study(`${RATES}measure: [pay]`, root).outcomes[0]!
    assert.deepEqual(Object.keys(only.tables), ['pay'])
  })

  it('of the economy shows by rate how much cheating is found, what it earns, and what is slashed', () => {
    const { folder, summary } = study(RATES, root)
    writeReport(readResults(folder))
    const drawn = ['detection', 'gain', 'gini', 'load', 'lorenz', 'slashing']
    assert.deepEqual(drawnIn(folder), drawn)
    for (const name of drawn) {
      const svg = readFileSync(join(folder, 'plots', `${name}.svg`), 'utf8')
      assert.ok(!svg.includes('NaN') && !svg.includes('undefined'), name)
    }
    const title = (name: string) => readFileSync(join(folder, 'plots', `${name}.svg`), 'utf8')
    assert.match(title('detection'), /Detected false claims against cheatRate/)
    assert.match(title('gain'), /against cheatRate/)
    // At no rate nothing was false: the share of it that is found is unknown, and written so.
    const [none, some] = summary.arms.map(({ figures }) => figures['detectedShare']!)
    assert.equal(none!.count, 0)
    assert.ok(some!.mean > 0.3 && some!.mean < 0.9)
    assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /nobody was paid for .*<td>–</)
  })

  it('of the production core shows pay, stakes that are not alike, and what adversaries lost', () => {
    const sybils = PROTOCOL.replace('jobs: 2', 'jobs: 12')
    const { folder } = study(`${sybils}sweep: { adversaries.sybilWorkers: [0, 4] }`, root)
    const { pay, load } = readResults(folder).tables
    assert.equal(pay!.rows.length, 2 * 2 * 101)
    assert.ok(load!.rows.every(([arm]) => arm === 1))
    const jobs = load!.rows.filter((row) => row[1] === 1).map((row) => row[3]!)
    assert.ok(Math.abs(jobs.reduce((sum, share) => sum + share, 0) - jobs.length) < 1e-9)
    writeReport(readResults(folder))
    assert.ok(drawnIn(folder).includes('lorenz') && drawnIn(folder).includes('load'))
    assert.ok(!drawnIn(folder).includes('slashing'))
    const lying = sybils.replace('seeds: 2', 'seeds: 1')
    const bad = study(`${lying}sweep: { adversaries.kind: [none, equivocatingWorkers] }`, root)
    writeReport(readResults(bad.folder))
    const svg = readFileSync(join(bad.folder, 'plots', 'slashing.svg'), 'utf8')
    assert.match(svg, /Adversaries’ slashed stake against kind/)
    assert.ok(!drawnIn(bad.folder).includes('load'))
  })
})

describe('what a study is made of', () => {
  it('gives means with Student’s interval', () => {
    // From any table: for 4 degrees of freedom 2.776; the deviation of 1 .. 5 is the root of 2.5.
    const { mean, low, high } = estimate([1, 2, 3, 4, 5])
    assert.equal(mean, 3)
    assert.ok(Math.abs(high - 3 - (2.776 * Math.sqrt(2.5)) / Math.sqrt(5)) < 1e-9 && low < 3)
    const { low: only } = estimate([7])
    assert.equal(only, 7)
    const paired = pairedDifference(
      new Map([
        [1, 5],
        [2, 9],
        [3, 1],
      ]),
      new Map([
        [1, 4],
        [2, 8],
      ]),
    )
    assert.deepEqual(paired, { mean: 1, low: 1, high: 1, count: 2 })
    assert.equal(pairedDifference(new Map([[1, 1]]), new Map([[2, 1]])), undefined)
  })

  it('draws a band from least to most, and keeps a curve’s last value', () => {
    const rows = [
      [0, 1, 5, 0.5],
      [0, 1, 10, 1],
      [0, 2, 5, 0.75],
    ]
    const table = { columns: ['arm', 'seed', 'afterMs', 'share'], rows }
    const first = { arm: 0, x: 5, mean: 0.625, least: 0.5, most: 0.75 }
    assert.deepEqual(bandsOf(table, 'afterMs', 'share'), [
      first,
      { arm: 0, x: 10, mean: 0.875, least: 0.75, most: 1 },
    ])
    // Unless it is of something that ends with its run.
    assert.deepEqual(bandsOf(table, 'afterMs', 'share', 0), [
      first,
      { arm: 0, x: 10, mean: 0.5, least: 0, most: 1 },
    ])
  })

  it('reads the tables that it writes, with gaps', () => {
    const table = {
      columns: ['a', 'b'],
      rows: [
        [1, Number.NaN],
        [0.1, -3],
      ],
    }
    assert.deepEqual(tableOf(csvOf(table)), table)
  })

  it('tells of progress in virtual and real time', () => {
    const status = { runs: 4, runsDone: 1, virtualSeconds: 400, virtualSecondsDone: 100 }
    assert.equal(
      lineOf(status, 5),
      '1 of 4 runs, 100 s of 7 min virtual in 5.0 s (20 × real), 15 s left',
    )
    assert.match(lineOf(status, 5, 120), /^━{6}─{18} 1 of 4/)
    for (const columns of [20, 80]) assert.equal(lineOf(status, 5, columns).length, columns - 1)
  })
})
