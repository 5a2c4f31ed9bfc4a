import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { writeReport } from '../../../sim/cli/page.ts'
import { Refusal } from '../../../sim/cli/refusal.ts'
import { readResults } from '../../../sim/cli/results.ts'
import { told } from '../../../sim/cli/study.ts'
import { reportOf } from '../../../sim/routing/report.ts'
import { RoutingRun } from '../../../sim/routing/routing-run.ts'
import { type RoutingScenario, routingScenario } from '../../../sim/routing/scenario.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { study } from '../../harness/study.ts'

function report(change: Partial<RoutingScenario>) {
  const run = new RoutingRun(routingScenario({ nodes: 120, connections: 40, ...change }))
  run.run()
  assert.ok(run.isOver)
  return reportOf(run)
}

const HIDDEN = { attack: 'content', sybils: 25 } as const

describe('a network of routing tables', () => {
  it('leads everybody to the content where nobody lies', () => {
    for (const fetching of ['dht', 'node'] as const) {
      const { foundShare, honestTold, attacks, swallowed } = report({ fetching })
      assert.deepEqual(
        { foundShare, honestTold, attacks, swallowed },
        { foundShare: 1, honestTold: 20, attacks: 0, swallowed: 0 },
      )
    }
  })

  it('hides a content from who only searches, behind twenty keys ground around it', () => {
    assert.ok(report({ ...HIDDEN, sybils: 5, fetching: 'dht' }).foundShare > 0.95)
    const hidden = report({ ...HIDDEN, fetching: 'dht' })
    assert.equal(hidden.foundShare, 0)
    assert.equal(hidden.honestTold, 0)
    // Keys of any place are spread over all, and few lie near.
    assert.ok(report({ ...HIDDEN, groundBits: 0, fetching: 'dht' }).foundShare > 0.95)
  })

  it('does not hide it from who asks neighbours, and then others, straight', () => {
    const { foundShare, namedShare, byNeighbours, byAround, p90Seconds } = report(HIDDEN)
    assert.equal(foundShare, 1)
    assert.equal(namedShare, 0)
    assert.ok(byNeighbours > 0.5 && byAround > 0)
    assert.ok(p90Seconds < 60)
    assert.ok(report({ ...HIDDEN, asking: 'one' }).foundShare < 1)
  })

  it('is held up for seconds, not for minutes, by neighbours who promise and do not give', () => {
    const stalled = { ...HIDDEN, tale: 'stall', nodes: 60, connections: 300, holders: 1 } as const
    const run = (asking: 'one' | 'many', connections: number) =>
      report({ ...stalled, asking, connections })
    // All are neighbours: bitswap brings it at once.
    assert.equal(run('many', 300).byNeighbours, 1)
    const [one, many] = [run('one', 40), run('many', 40)]
    assert.equal(many.foundShare, 1)
    assert.ok(many.p90Seconds < 45, `${many.p90Seconds}`)
    assert.ok(one.foundShare < 1)
  })

  it('takes a newcomer in by one true address, and never by false ones', () => {
    const newcomers = { fetchers: 0, newcomers: 12, attack: 'bootstrap', sybils: 20 } as const
    const lost = report({ ...newcomers, misleading: 1 })
    assert.deepEqual([lost.metShare, lost.meshShare, lost.foundShare], [0, 0, 0])
    // Five seconds of bitswap, and three tries of ten: nobody gives up before.
    assert.ok(lost.p50Seconds >= 35, `${lost.p50Seconds}`)
    const saved = report({ ...newcomers, misleading: 1, remembered: 1 })
    assert.deepEqual([saved.metShare, saved.foundShare], [1, 1])
  })

  it('shows a newcomer more honest neighbours where it looks elsewhere, too', () => {
    const flooded = {
      nodes: 300,
      connections: 100,
      fetchers: 0,
      newcomers: 12,
      attack: 'table',
      sybils: 90,
    } as const
    const [near, wide] = (['self', 'wide'] as const).map((looking) =>
      report({ ...flooded, looking }),
    )
    assert.ok(wide!.honestShare > 1.5 * near!.honestShare)
    assert.ok(wide!.meshShare >= near!.meshShare)
  })

  it('is the same again from one seed, and another from another', () => {
    const hash = (seed: number) => report({ ...HIDDEN, seed, newcomers: 5 }).hash
    assert.equal(hash(4), hash(4))
    assert.notEqual(hash(4), hash(5))
  })

  it('is alike in steps and at once', () => {
    const scenario = routingScenario({ nodes: 80, ...HIDDEN, newcomers: 3 })
    const stepped = new RoutingRun(scenario)
    for (let untilUs = 0; !stepped.isOver; untilUs += 100_000) stepped.run(untilUs)
    const whole = new RoutingRun(scenario)
    whole.run()
    assert.equal(reportOf(stepped).hash, reportOf(whole).hash)
  })
})

describe('a study of routing', () => {
  let root: string
  before(() => {
    root = testFolder('routing')
  })
  after(() => removeFolder(root))

  const TEXT = `
name: hide
depth: routing
seeds: 3
world: { nodes: 60 }
workload: { fetchers: 8, newcomers: 3 }
adversaries: { attack: content, sybils: 25 }
sweep: { workload.fetching: [dht, node] }
`
  it('is written, plotted and found again as it was', () => {
    const { folder, summary } = study(TEXT, root)
    assert.deepEqual(study(TEXT, root).summary, summary)
    const read = readResults(folder)
    assert.deepEqual(read.summary, JSON.parse(JSON.stringify(summary)))
    assert.deepEqual(read.tables.reach!.columns, ['arm', 'seed', 'afterMs', 'share'])
    writeReport(read)
    for (const name of ['finding', 'found', 'waiting', 'newcomers']) {
      const path = join(folder, 'plots', `${name}.svg`)
      assert.ok(existsSync(path), name)
      const svg = readFileSync(path, 'utf8')
      assert.ok(!svg.includes('NaN') && !svg.includes('undefined'), name)
    }
    assert.match(told(summary), /fetching node +1 /)
  })

  it('fails where an attack did nothing', () => {
    // Where a table has room for none of them, and nobody is told of them, nobody ever asks them.
    const idle = study(
      TEXT.replace('nodes: 60', 'nodes: 3000')
        .replace('newcomers: 3', 'newcomers: 0')
        .replace('seeds: 3', 'seeds: 1'),
      root,
    )
    const texts = idle.summary.verdicts.map(({ text }) => text).join('\n')
    assert.match(texts, /adversaries.attack content did nothing/)
    assert.equal(idle.summary.passed, false)
  })

  const refused: [what: string, change: string, message: RegExp][] = [
    [
      'an unknown key',
      'world: { bootstrap: 3 }',
      /world.bootstrap is unknown; did you mean bootstraps\?/,
    ],
    [
      'an unknown attack',
      'adversaries: { attack: eclipse }',
      /adversaries.attack is "eclipse"; give one of none, content/,
    ],
    [
      'attackers without an attack',
      'adversaries: { sybils: 5 }',
      /sybils is 5, but attack is none/,
    ],
    [
      'an attack without attackers',
      'adversaries: { attack: table }',
      /attack is table, but sybils is 0/,
    ],
    [
      'false addresses for nobody',
      'adversaries: { attack: bootstrap, sybils: 5, misleading: 0.5 }',
      /newcomers is 0 and bootstraps 3: nobody is misled/,
    ],
    [
      'false addresses without that attack',
      'adversaries: { attack: content, sybils: 5, misleading: 0.5 }',
      /misleading is 0.5, but attack is content/,
    ],
    [
      'that attack without false addresses',
      'adversaries: { attack: bootstrap, sybils: 5 }',
      /misleading is 0; give the chance/,
    ],
    ['nobody who looks', 'workload: { fetchers: 0 }', /nobody looks/],
    [
      'more than there are',
      'world: { nodes: 10 }',
      /holders is 3 and fetchers 20, but nodes is 10/,
    ],
    [
      'newcomers who know nobody',
      'world: { bootstraps: 0 }\nworkload: { newcomers: 1 }',
      /newcomers know nobody/,
    ],
    ['a key of another depth', 'faults: { loss: 0.1 }', /faults.loss is unknown/],
  ]
  for (const [what, change, message] of refused) {
    it(`refuses ${what}`, () => {
      const refuse = () => study(`name: x\ndepth: routing\n${change}`, root)
      assert.throws(
        refuse,
        (error: Error) => error instanceof Refusal && message.test(error.message),
      )
    })
  }
})
