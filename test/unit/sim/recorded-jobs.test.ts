import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Effect } from '../../../coordinator-free/events.ts'
import { armsOf, protocolOf } from '../../../sim/cli/arms.ts'
import { Refusal } from '../../../sim/cli/refusal.ts'
import { resolvedYaml } from '../../../sim/cli/results.ts'
import { parseScenario } from '../../../sim/cli/scenario-file.ts'
import { World } from '../../../sim/world.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const RECORDINGS = join(import.meta.dirname, '../../../sim/recordings')
const HEAD = 'name: x\ndepth: protocol\n'
const THREE = 'workload: { arrivals: [0 fine-tune 20480, 7000 inference 8, 7000 inference 60] }\n'

const study = (rest: string, folder = RECORDINGS) => parseScenario(HEAD + rest, 'x', false, folder)
const scenarioOf = (rest: string) => {
  const read = study(rest)
  return protocolOf(armsOf(read)[0]!.settings, 1)
}

describe('a recorded workload', () => {
  let folder = ''
  beforeEach(() => {
    folder = testFolder('recorded')
  })
  afterEach(() => removeFolder(folder))

  it('is the jobs of the file, each once, when and as large as they were', () => {
    for (const node of ['gateway', 'validator']) {
      const { arrivals, jobs, workloadMs } = scenarioOf(
        `workload: { recording: ${node}.ndjson.gz }`,
      )
      assert.equal(jobs, arrivals?.length)
      assert.deepEqual(arrivals?.[0], { atMs: 0, task: 'fine-tune', maxUnits: 20480 })
      assert.ok(arrivals.slice(1).every(({ task }) => task === 'inference'))
      assert.ok(arrivals.some(({ maxUnits }) => maxUnits === 60))
      assert.equal(workloadMs, arrivals.at(-1)!.atMs + 1000)
    }
  })

  it('stands in the resolved scenario itself, which needs no file any more', () => {
    const resolved = resolvedYaml(study('workload: { recording: gateway.ndjson.gz }'))
    assert.doesNotMatch(resolved, /recording/)
    assert.match(resolved, /arrivals:\n {4}- 0 fine-tune 20480\n/)
    assert.equal(resolvedYaml(parseScenario(resolved)), resolved)
  })

  it('may be its first jobs only', () => {
    const { jobs, arrivals } = scenarioOf('workload: { recording: gateway.ndjson.gz, jobs: 3 }')
    assert.deepEqual([jobs, arrivals?.length], [3, 3])
  })

  it('is ordered as it says, takes as long as it is large, and is settled', () => {
    const ordered: [atMs: number, words: string][] = []
    const took = new Map<string, number>()
    const watch = (atMs: number, _: unknown, effect: Effect): void => {
      if (effect.kind === 'execute') took.set(effect.duty, -atMs)
      if (effect.kind !== 'publish') return
      const { message, duty } = effect
      if (message.kind === 'job') {
        ordered.push([atMs, `${message.body.task} ${message.body.maxUnits}`])
      }
      if (message.kind === 'claim') took.set(duty, took.get(duty)! + atMs)
    }
    const report = new World(scenarioOf(THREE), watch).run()
    assert.equal(report.settled, 3)
    assert.equal(report.final, true)
    assert.deepEqual(
      ordered.map(([, words]) => words),
      ['fine-tune 20480', 'inference 8', 'inference 60'],
    )
    const [first, second, third] = ordered.map(([atMs]) => atMs)
    assert.ok(second! - first! >= 7000 && second! - first! < 8100)
    assert.equal(second, third)
    // 20,480 tokens at 0.3 ms, and 8 at 6.25 ms, half to one and a half times as long.
    const [tune, short] = [...took.values()].sort((one, other) => other - one)
    assert.ok(tune! >= 3072 && tune! <= 9216, `${tune}`)
    assert.ok(short! <= 600, `${short}`)
  })

  it('tells its progress where it takes minutes, so that the turn is kept', () => {
    let turns = 0
    const watch = (_: number, __: unknown, { kind }: Effect): void => {
      if (kind === 'execute') turns += 1
    }
    const rest = 'workload: { arrivals: [0 fine-tune 600000] }'
    assert.equal(new World(scenarioOf(rest), watch).run().settled, 1)
    assert.equal(turns, 1)
  })

  const refused: [what: string, text: string, message: RegExp][] = [
    [
      'a file that is not there',
      'workload: { recording: none }',
      /workload.recording: .*none cannot be read/,
    ],
    [
      'a file that is none',
      'workload: { recording: note }',
      /workload.recording: .*note:1 is no line of a rec/,
    ],
    [
      'a file without jobs',
      'workload: { recording: head }',
      /workload.recording: .*head has no jobs/,
    ],
    ['a number for a file', 'workload: { recording: 5 }', /workload.recording is 5; give the path/],
    ['both', 'workload: { recording: head, arrivals: [0 inference 8] }', /both say when jobs come/],
    [
      'a swept file',
      'sweep: { workload.recording: [a, b] }',
      /sweep.workload.recording: a study is about one/,
    ],
    ['another depth', 'workload: { recording: a }', /workload.recording is unknown/],
    [
      'times of its own',
      `${THREE.trim().slice(0, -1)}, workloadMs: 5 }`,
      /workloadMs is 5, but recorded jobs/,
    ],
    [
      'more jobs than there are',
      `${THREE.trim().slice(0, -1)}, jobs: 4 }`,
      /jobs is 4, but 3 are recorded/,
    ],
    ['no jobs', 'workload: { arrivals: [] }', /workload.arrivals is \[\]; give 1 to 10000 jobs/],
    [
      'a job of no kind',
      'workload: { arrivals: [0 magic 8] }',
      /arrivals.0 is "0 magic 8"; give 1 to/,
    ],
    [
      'a job of no size',
      'workload: { arrivals: [0 inference 0] }',
      /arrivals.0 is "0 inference 0"; give/,
    ],
    [
      'what is not in order',
      'workload: { arrivals: [9 inference 8, 8 inference 8] }',
      /arrivals has 8 behind 9/,
    ],
    [
      'more than a day',
      'workload: { arrivals: [86400001 inference 8] }',
      /the last job comes after 86400001 ms/,
    ],
  ]
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => {
      writeFileSync(join(folder, 'note'), 'Dear reader\n')
      writeFileSync(join(folder, 'head'), firstLine())
      const depth = what === 'another depth' ? 'name: x\ndepth: gossip\n' : HEAD
      const read = () => armsOf(parseScenario(depth + text, 'x', false, folder))
      assert.throws(read, (error) => error instanceof Refusal && message.test(error.message))
    })
  }
})

function firstLine(): string {
  const packed = readFileSync(join(RECORDINGS, 'gateway.ndjson.gz'))
  const text = gunzipSync(packed).toString('utf8')
  return text.slice(0, text.indexOf('\n') + 1)
}
