import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'mocha'
import { scenariosOf } from '../../sim/cli/calibrate.ts'
import type { Judgement } from '../../sim/cli/calibration.ts'
import { calibrationOf } from '../../sim/cli/calibration-results.ts'
import { studyCommand } from '../../sim/cli/commands.ts'
import { tableOf } from '../../sim/cli/tables.ts'
import { Streams } from '../../sim/kernel/streams.ts'
import { VirtualClock } from '../../sim/real/virtual-clock.ts'
import type { VirtualRun } from '../../sim/real/virtual-run.ts'
import { runVirtual } from '../../sim/real/virtual-thread.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'

const OPTIONS = {
  ...{ seeds: '3', nodes: '40', dials: '6', messages: '30', intervalMs: '250' },
  messageBytes: '256',
}

function run(change: Partial<typeof OPTIONS> = {}): Promise<VirtualRun> {
  return runVirtual(scenariosOf({ ...OPTIONS, ...change })[0]!, () => undefined)
}

describe('gossipsub under virtual time', () => {
  let first: VirtualRun
  before(async () => {
    first = await run()
  })

  it('is the same run from the same seed, arrival by arrival, and another from another', async () => {
    const { tookSeconds, ...again } = await run()
    const { tookSeconds: took, ...before } = first
    assert.deepEqual(again, before)
    assert.ok(first.arrivals > 5000, `${first.arrivals}`)
    assert.notEqual((await run({ seeds: '4' })).hash, first.hash)
  })

  it('brings each message to all, in the time that the model says, in the same mesh', () => {
    assert.equal(first.deliveries.length, first.expected)
    const { judgements, rejected } = calibrationOf([first], '')
    assert.deepEqual(judgements[1]!.missed, [])
    assert.deepEqual(rejected, [])
    assert.equal(judgements[1]!.mesh, 'measured')
  })

  it('spares nodes copies of large messages no more than the model does', async () => {
    const large = await run({ messageBytes: '2048' })
    const { duplicates } = calibrationOf([large], '').judgements[1]!.figures
    assert.ok(large.copies < first.copies * 1.05)
    assert.ok(Math.abs(duplicates.model / duplicates.real - 1) < 0.05)
  })

  it('is judged from the command line, and leaves a folder of results', async () => {
    const root = testFolder('virtual')
    const write = process.stdout.write
    const said: string[] = []
    process.stdout.write = (text) => said.push(String(text)) > 0
    try {
      const words = '--virtual --nodes 20 --messages 10 --seeds 3,4 --json'.split(' ')
      const code = await studyCommand(['calibrate', ...words, '--out', root])
      const { passed, judgements, clock } = JSON.parse(said.join(''))
      assert.equal(code, passed ? 0 : 1)
      assert.equal(clock, 'virtual')
      assert.deepEqual(
        judgements.map(({ mesh, seeds }: Judgement) => [mesh, seeds]),
        [
          ['own', [3, 4]],
          ['measured', [3]],
          ['measured', [4]],
        ],
      )
      const folder = join(root, readdirSync(root)[0]!)
      assert.deepEqual(readdirSync(join(folder, 'plots')), [
        'calibration-3.svg',
        'calibration-4.svg',
      ])
      const rows = tableOf(readFileSync(join(folder, 'calibration.csv'), 'utf8')).rows
      assert.equal(rows.length, 3)
    } finally {
      process.stdout.write = write
      removeFolder(root)
    }
  })

  it('has a clock and dice that nothing else in the process can touch', async () => {
    let thrown = 0
    const restless = setInterval(() => {
      thrown += Math.random()
    }, 1)
    const startMs = Date.now()
    try {
      assert.equal((await run()).hash, first.hash)
    } finally {
      clearInterval(restless)
    }
    assert.ok(thrown > 0)
    assert.ok(Date.now() - startMs < 600_000, 'this thread has kept its own time')
  })

  it('says what went wrong in its thread', async () => {
    const scenario = { ...scenariosOf({ ...OPTIONS, nodes: '4' })[0]!, messageBytes: 1 }
    await assert.rejects(
      runVirtual(scenario, () => undefined),
      /Offset is outside/,
    )
  })
})

describe('a virtual clock', () => {
  it('has timers fire in their order, once or again and again, and not when they are cleared', async () => {
    const dice = new Streams(1, 'protocol', 1)
    const clock = new VirtualClock(() => dice.uint32(0) / 2 ** 32)
    const heard: string[] = []
    clock.install()
    try {
      const startMs = Date.now()
      const say = (word: string) => heard.push(`${word} ${Date.now() - startMs}`)
      setTimeout(() => say('late'), 300)
      const again = setInterval(() => say('again'), 100)
      const never = setTimeout(() => say('never'), 50)
      clearTimeout(never)
      setTimeout(async () => {
        say('before')
        await Promise.resolve()
        say('at once')
      }, 100)
      await clock.runUntil(250_000)
      clearInterval(again)
      await clock.runUntil(1_000_000)
    } finally {
      clock.uninstall()
    }
    assert.deepEqual(heard, ['again 100', 'before 100', 'at once 100', 'again 200', 'late 300'])
  })
})
