import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'mocha'
import type { Effect } from '../../coordinator-free/events.ts'
import { messageDigest } from '../../protocol/message.ts'
import { parseScenario } from '../../sim/cli/scenario-file.ts'
import { tracedJobs, writeTrace } from '../../sim/cli/trace-file.ts'
import { DOMAINS } from '../../sim/jobs.ts'
import { scenario } from '../../sim/scenario.ts'
import { JobTrace } from '../../sim/trace.ts'
import { MOST_SLICES, type Trace, type TraceEvent } from '../../sim/trace-events.ts'
import { World } from '../../sim/world.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'

const STUDY = parseScenario(`
name: traced
depth: protocol
seeds: [4]
world: { workers: 4, validators: 4 }
workload: { jobs: 6, workloadMs: 20000 }
adversaries: { lyingWorkers: 1 }
`)

const STEPS = ['order', 'execute', 'verify', 'propose', 'endorse', 'post', 'final'] as const

function endOf({ ts, dur }: TraceEvent): number {
  return ts! + dur!
}

describe('a trace of jobs', () => {
  let folder: string
  let path: string
  let trace: Trace & { readonly otherData: Record<string, unknown> }
  let slices: TraceEvent[]
  before(() => {
    folder = testFolder('trace')
    path = writeTrace(STUDY, 3, folder)
    trace = JSON.parse(readFileSync(path, 'utf8'))
    slices = trace.traceEvents.filter(({ ph }) => ph === 'X')
  })
  after(() => removeFolder(folder))

  it('has a track for each node that did something, by its name', () => {
    const named = new Map(
      trace.traceEvents.filter(({ ph }) => ph === 'M').map(({ pid, args }) => [pid, args!['name']]),
    )
    assert.equal(named.get(0), 'gateway 0')
    assert.equal(named.get(1), 'worker 1 (lying)')
    for (const { pid } of slices) assert.ok(named.has(pid), `node ${pid} has no name`)
  })

  it('follows each chosen job from its order to its payment, and no other', () => {
    for (const job of [1, 2, 3]) {
      const own = slices.filter(({ args }) => (args!['jobs'] as number[]).includes(job))
      for (const step of STEPS) {
        assert.ok(
          own.some(({ cat }) => cat === step),
          `job ${job} has no ${step}`,
        )
      }
      assert.equal(own.filter(({ cat }) => cat === 'order').length, 1)
      assert.ok(own.filter(({ cat }) => cat === 'verify').length >= 2)
      assert.ok(own.filter(({ cat }) => cat === 'endorse').length >= 3)
    }
    const numbers = new Set(slices.flatMap(({ args }) => args!['jobs'] as number[]))
    assert.deepEqual([...numbers].sort(), [1, 2, 3])
  })

  it('lets no two slices of a lane overlap', () => {
    const lanes = Map.groupBy(slices, ({ pid, tid }) => `${pid} ${tid}`)
    for (const [lane, held] of lanes) {
      held.sort((a, b) => a.ts! - b.ts!)
      for (const [index, slice] of held.entries()) {
        assert.ok(Number.isInteger(slice.ts) && slice.dur! >= 0)
        if (index > 0) assert.ok(endOf(held[index - 1]!) <= slice.ts!, `overlap in ${lane}`)
      }
    }
  })

  it('leads arrows from slice to slice, and from each order to its job’s end', () => {
    const sliceAt = ({ pid, tid, ts }: TraceEvent) =>
      slices.find((of) => of.pid === pid && of.tid === tid && of.ts! <= ts! && ts! < endOf(of))
    const starts = trace.traceEvents.filter(({ ph }) => ph === 's')
    const ends = new Map(
      trace.traceEvents.filter(({ ph }) => ph === 'f').map((event) => [event.id, event]),
    )
    assert.ok(starts.length > 0 && starts.length === ends.size)
    for (const job of ['job 1', 'job 2', 'job 3']) {
      const reached = new Set(slices.filter(({ name }) => name === `order ${job}`))
      for (const start of starts.filter(({ name }) => name === job).sort((a, b) => a.ts! - b.ts!)) {
        const end = ends.get(start.id)!
        assert.ok(end.ts! >= start.ts! && end.name === job)
        if (reached.has(sliceAt(start)!)) reached.add(sliceAt(end)!)
      }
      assert.ok(
        [...reached].some(({ cat }) => cat === 'final'),
        `${job} does not reach its end`,
      )
    }
  })

  it('is of the run whose hash it names, and the same each time', () => {
    const first = readFileSync(path, 'utf8')
    assert.equal(readFileSync(writeTrace(STUDY, 3, folder), 'utf8'), first)
    const change = { workers: 4, validators: 4, jobs: 6, workloadMs: 20_000, lyingWorkers: 1 }
    assert.equal(trace.otherData['hash'], new World(scenario(4, 'calm', change)).run().hash)
  })

  it('keeps so many slices and no more, and says how many it left out', () => {
    let ordered: Extract<Effect, { kind: 'publish' }> | undefined
    const world = new World(scenario(1, 'calm', { jobs: 1 }), (_, __, effect) => {
      if (effect.kind === 'publish' && effect.message.kind === 'job') ordered ??= effect
    })
    world.run()
    const [gateway, worker] = world.nodes
    const bounded = new JobTrace(1)
    bounded.watch(0, gateway!, ordered!)
    const { message } = ordered!
    assert.ok(message.kind === 'job')
    const jobId = messageDigest(message, DOMAINS.messages)
    for (let again = 1; again < MOST_SLICES + 10; again++) {
      const duty = `execute ${jobId}`
      bounded.watch(again, worker!, { kind: 'execute', duty, jobId, job: message.body, states: [] })
    }
    const { otherData, traceEvents } = bounded.finish()
    assert.equal(traceEvents.filter(({ ph }) => ph === 'X').length, MOST_SLICES)
    assert.equal(otherData.leftOut, 10)
  })

  it('is refused where no jobs are named, or there are none', () => {
    assert.equal(tracedJobs('jobs=12', STUDY), 12)
    for (const text of ['jobs=0', 'jobs=1001', 'jobs=-1', 'jobs', '3', 'jobs=2,3']) {
      assert.throws(() => tracedJobs(text, STUDY), /names no jobs; write --trace jobs=N/, text)
    }
    const gossip = parseScenario('name: x\ndepth: gossip')
    assert.throws(() => tracedJobs('jobs=1', gossip), /follows jobs, and depth gossip has none/)
  })
})
