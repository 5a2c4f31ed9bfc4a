import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { fromText, toText } from '../../../coordinator-free/exact-text.ts'
import type { Reason } from '../../../coordinator-free/reason.ts'
import type { RecordedLine } from '../../../coordinator-free/recording.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { readRecording } from '../../../sim/cli/recording-file.ts'
import { refused } from '../../../sim/cli/refusal.ts'
import { replay } from '../../../sim/cli/replay.ts'
import { type Difference, Rerun } from '../../../sim/rerun.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const SHIPPED = join(import.meta.dirname, '../../../sim/recordings')
const MOST_SHIPPED_BYTES = 400_000
const AGAIN = 'the rules have changed: npm run sim:recordings makes it anew'

describe('a replay', () => {
  let folder = ''
  let said = ''
  const { stdout, stderr } = process
  const written = [stdout.write, stderr.write] as const
  beforeEach(() => {
    folder = testFolder('replay')
    said = ''
  })
  afterEach(() => removeFolder(folder))

  const texts = (name: string): string[] =>
    gunzipSync(readFileSync(join(SHIPPED, `${name}.ndjson.gz`)))
      .toString('utf8')
      .split('\n')
      .slice(0, -1)

  /** Writes lines, and says where they differ from what the core does. */
  function differenceIn(lines: readonly string[], end = '\n'): Difference | undefined {
    const file = join(folder, 'changed.ndjson')
    writeFileSync(file, lines.join('\n') + end)
    const rerun = new Rerun()
    for (const { line, number } of readRecording(file).lines) {
      const difference = rerun.feed(line, number)
      if (difference) return difference
    }
    return undefined
  }

  /** The command's exit code; what it says is caught. */
  function command(...args: string[]): number {
    const hear = ((text: string) => {
      said += text
      return true
    }) as typeof process.stdout.write
    stdout.write = hear
    stderr.write = hear
    try {
      return replay(args)
    } catch (error) {
      return refused(error)
    } finally {
      ;[stdout.write, stderr.write] = written
    }
  }

  it('of what ships is equal, event by event', () => {
    const files = readdirSync(SHIPPED)
    assert.deepEqual(files, ['gateway.ndjson.gz', 'validator.ndjson.gz', 'worker.ndjson.gz'])
    const bytes = files.map((file) => readFileSync(join(SHIPPED, file)).length)
    assert.ok(bytes.reduce((sum, one) => sum + one) < MOST_SHIPPED_BYTES)
    for (const file of files) {
      assert.equal(command(join(SHIPPED, file)), 0, `${file}: ${said}${AGAIN}`)
    }
    assert.match(said, /all effects equal, 0x/)
    assert.match(said, /× real time/)
  })

  it('of a message with one bit turned differs at that very line', () => {
    const lines = texts('validator')
    const at = lines.findIndex((text) => text.includes('judge accept admitted'))
    const { event } = parsed(lines[at]!)
    assert.equal(event.kind, 'received')
    // Within the signature, which stands last.
    if (event.kind === 'received') event.bytes[event.bytes.length - 10]! ^= 1
    lines[at] = toText({ ...parsed(lines[at]!), event })
    const difference = differenceIn(lines)
    assert.equal(difference?.line, at + 1)
    assert.match(difference.recorded.did, /judge accept admitted/)
    assert.match(difference.now.did, /judge reject/)
  })

  it('without an event differs as soon as that matters', () => {
    // A message that was heard twice: without the first time it is news the second time.
    const isDuplicate = (text: string) => text.includes('judge ignore seen')
    const lines = ['worker', 'validator', 'gateway'].map(texts).find((all) => all.some(isDuplicate))
    assert.ok(lines)
    const second = lines.findIndex(isDuplicate)
    const { event } = parsed(lines[second]!)
    const bytes = event.kind === 'received' ? toText(event.bytes) : ''
    const first = lines.findIndex((text) => text.includes(bytes))
    assert.ok(bytes.length > 0 && first < second)
    lines.splice(first, 1)
    const difference = differenceIn(lines)
    assert.ok(difference && difference.line > first && difference.line <= second)
  })

  it('with another digest differs at that line, and says what came', () => {
    const lines = texts('gateway')
    const at = lines.findIndex((text) => text.includes('publish job'))
    lines[at] = lines[at]!.replace(/"digest":"[0-9a-f]{16}"/, '"digest":"0123456789abcdef"')
    const file = join(folder, 'changed.ndjson.gz')
    writeFileSync(file, gzipSync(`${lines.join('\n')}\n`))
    assert.equal(command(file), 1)
    assert.match(said, new RegExp(`line ${at + 1}, 20..-.*does otherwise than was recorded`))
    assert.match(said, /recorded {2}publish job .*\(0123456789abcdef\)\n {2}now {7}publish job /)
  })

  it('leaves out a last line that was cut off, and says so', () => {
    const lines = texts('gateway').slice(0, 200)
    const file = join(folder, 'cut.ndjson')
    writeFileSync(file, `${lines.join('\n')}\n`.slice(0, -20))
    assert.equal(command(file), 0)
    assert.match(said, /the last line is cut off/)
    const packed = readFileSync(join(SHIPPED, 'gateway.ndjson.gz'))
    writeFileSync(join(folder, 'cut.gz'), packed.subarray(0, packed.length / 2))
    assert.equal(command(join(folder, 'cut.gz')), 0, said)
  })

  /** A settled job of which the node has such a reason. */
  function jobWith(name: string, code: Reason['code']): Hash {
    const rerun = new Rerun()
    const { lines } = readRecording(join(SHIPPED, `${name}.ndjson.gz`))
    for (const { line, number } of lines) rerun.feed(line, number)
    const jobId = rerun.jobsLike('0x').find((id) => {
      const { settled, reasons } = rerun.why(id)
      return settled && reasons.some((reason) => reason.code === code)
    })
    return jobId ?? assert.fail(`no job of the ${name} has ${code}`)
  }

  it('says why the node stood to a job as it did', () => {
    const file = join(SHIPPED, 'worker.ndjson.gz')
    const done = jobWith('worker', 'paid-as-worker')
    assert.equal(command(file, '--job', done.slice(0, 10)), 0)
    assert.match(said, new RegExp(`job ${done}, when it was settled:`))
    assert.match(said, /It executed the job, as number . of 2/)
    assert.match(said, /It earned .* OPEN/)
    // It was started again, and had forgotten by then.
    const audited = jobWith('validator', 'voted')
    assert.equal(command(join(SHIPPED, 'validator.ndjson.gz'), '--job', audited, '--json'), 0)
    assert.match(said, /"says":"It audited claim 0x.*: pass, \d+ pieces computed again/)
    assert.equal(command(file, '--job', '0xffffffffffff'), 0)
    assert.match(said, /no job of the recording begins with 0xffffffffffff/)
    assert.equal(command(file, '--job', '0x'), 2)
  })

  it('still takes what dst has kept', () => {
    const file = join(folder, 'seed.json')
    writeFileSync(file, '{}')
    assert.equal(command(file), 2)
    assert.match(said, /a scenario that dst has kept/)
    assert.equal(command(file, '--job', '0x1'), 2)
    assert.match(said, /is no recording/)
  })

  describe('refuses, and says what to do:', () => {
    const head = texts('worker').slice(0, 3)
    const changed = (change: object) => toText({ ...(fromText(head[0]!) as object), ...change })
    const event = (given: object) => toText({ kind: 'event', atMs: 1, event: given })
    const refused: [what: string, lines: string[], message: RegExp][] = [
      ['an old form', [changed({ version: 0 })], /:1 has form 0, and this release reads 2; replay/],
      ['messages of other forms', [changed({ messageForms: 'x' })], /other forms .*sim:recordings/],
      [
        'another format',
        [changed({ format: 'x' }), '"tributary recording"'],
        /:1 starts no recording/,
      ],
      ['no first line', [head[1]!, head[0]!], /:1 is no start of a recording/],
      ['a line that is none', [head[0]!, '{\u001b'], /:2 is no line of a recording: /],
      ['a mark that is none', [head[0]!, '{"$map":1}'], /:2 is no line of a recording: \$map/],
      ['a line of no kind', [head[0]!, '{"kind":"x"}'], /:2, kind: /],
      ['an event of no kind', [head[0]!, event({ kind: 'x' })], /:2, event.kind: /],
      [
        'bytes that are none',
        [head[0]!, event({ kind: 'received', bytes: 'x', via: 'gossip' })],
        /:2, event.bytes: /,
      ],
      [
        'a fact out of form',
        [head[0]!, event({ kind: 'chain', fact: { kind: 'exiting' } })],
        /:2, event.fact/,
      ],
      [
        'a job out of form',
        [head[0]!, event({ kind: 'submitted', job: {} })],
        /:2, event.job: a job/,
      ],
      [
        'a batch out of form',
        [head[0]!, event({ kind: 'batch-read', number: 1, data: {} })],
        /:2, event.data: data of a batch/,
      ],
      [
        'what would move a cursor',
        [head[0]!, event({ kind: 'duty-done', duty: 'x\u001b[2J' })],
        /:2, event.duty: text without control characters/,
      ],
      ['a time that is none', [head[0]!, toText({ kind: 'rebuilt', atMs: -1 })], /:2, atMs: /],
      [
        'a line without end',
        [head[0]!, `"${'x'.repeat(9 * 2 ** 20)}"`],
        /:2 has more than the 8388608 bytes/,
      ],
    ]
    for (const [what, lines, message] of refused) {
      it(what, () => {
        const file = join(folder, 'changed.ndjson')
        writeFileSync(file, `${lines.join('\n')}\n`)
        assert.equal(command(file), 2)
        assert.match(said, message)
        assert.doesNotMatch(said, /[^\P{Cc}\n]/u)
      })
    }

    it('wrong use', () => {
      assert.equal(command(), 2)
      assert.equal(command('a', 'b'), 2)
      assert.equal(command('--nonsense'), 2)
      assert.equal(command(join(folder, 'none')), 2)
      assert.match(said, /none cannot be read/)
      writeFileSync(join(folder, 'broken.gz'), Buffer.from([0x1f, 0x8b, 9, 9, 9]))
      assert.equal(command(join(folder, 'broken.gz')), 2)
      assert.match(said, /cannot be unpacked/)
      assert.equal(command(join(SHIPPED, 'worker.ndjson.gz'), '--job', 'x'), 2)
      assert.match(said, /--job x is no id/)
    })
  })
})

function parsed(text: string): Extract<RecordedLine, { kind: 'event' }> {
  const line = fromText(text) as RecordedLine
  assert.equal(line.kind, 'event')
  return line as Extract<RecordedLine, { kind: 'event' }>
}
