import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { command } from '../../../sim/cli/command.ts'

const { stdout, stderr } = process
const SCENARIO = 'sim/scenarios/13-shock.yaml'
/** What each command needs beside its options. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  dst: [],
  replay: [SCENARIO],
  run: [SCENARIO],
  sweep: [SCENARIO],
  compare: ['one', 'other'],
  report: ['one'],
  calibrate: [],
}
/** An option of each that takes a value. */
const VALUED: Readonly<Record<string, string>> = {
  dst: '--seeds',
  replay: '--job',
  run: '--set',
  sweep: '--over',
  compare: '--plots',
  report: '--calibration',
  calibrate: '--nodes',
}

describe('wrong use of the simulator', () => {
  let root: string
  const written = [stdout.write, stderr.write] as const

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tributary-command-'))
    mkdirSync(join(root, 'broken'))
    for (const name of ['summary', 'environment', 'calibration']) {
      writeFileSync(join(root, 'broken', `${name}.json`), '{')
    }
    writeFileSync(join(root, 'broken', 'scenario.yaml'), 'name: x\ndepth: gossip\n')
    writeFileSync(join(root, 'text'), 'Hello\nthere.\n')
    writeFileSync(join(root, 'word.json'), 'null')
  })

  afterEach(() => rmSync(root, { recursive: true }))

  /** Refused with exit code 2, in one line that says so much and no stack. */
  async function refuses(words: readonly string[], why: RegExp): Promise<void> {
    let [out, said] = ['', '']
    stdout.write = ((text: string) => {
      out += text
      return true
    }) as typeof stdout.write
    stderr.write = ((text: string) => {
      said += text
      return true
    }) as typeof stderr.write
    let code: number
    try {
      code = await command(words)
    } finally {
      ;[stdout.write, stderr.write] = written
    }
    const what = `${words.join(' ')}: ${said}`
    assert.equal(code, 2, what)
    assert.equal(out, '', what)
    assert.match(said, /^[^\n]+\n$/, what)
    assert.match(said, why, what)
    // What was wrong, then what to do.
    assert.match(said, /.; .|none of: |whole number from 1/, what)
  }

  it('is an option that there is not', async () => {
    for (const [name, needs] of Object.entries(NEEDS)) {
      const why = new RegExp(`nknown option '--bad'; ${name} --help lists`)
      await refuses([name, ...needs, '--bad'], why)
    }
    await refuses(['--bad'], /Unknown option '--bad'; --help lists/)
    await refuses(['--seed', '1', 'extra'], /Unexpected argument 'extra'/)
  })

  it('is an option without its value, or with one that cannot be', async () => {
    for (const [name, needs] of Object.entries(NEEDS)) {
      await refuses([name, ...needs, VALUED[name]!], /argument missing; /)
    }
    await refuses(['--seed'], /argument missing; --help lists/)
    await refuses(['dst', '--seeds', '--first', '2'], /'--seeds' argument missing; dst/)
    await refuses(['dst', '--twice=yes'], /does not take an argument; dst --help/)
    await refuses(['dst', '--seeds', 'x'], /--seeds x is no whole number/)
    await refuses(['dst', '--faults', 'nix'], /--faults nix is none of: calm/)
    await refuses(['--faults', 'nix'], /--faults nix is none of: calm/)
    await refuses(['--workers', '0'], /--workers 0 is no whole number/)
    await refuses(['run', SCENARIO, '--threads', '0'], /--threads 0 is no whole number/)
    await refuses(['calibrate', '--interval-ms', '0'], /--interval-ms 0 is no whole number/)
    await refuses(['calibrate', '--seeds', '3,4,3'], /--seeds 3,4,3 has one twice; give each/)
  })

  it('is a key of a scenario that there is not', async () => {
    for (const [key, offer] of [
      ['world.nodez', 'did you mean world.nodes?'],
      ['wold.nodes', 'did you mean world.nodes?'],
    ] as const) {
      await refuses(
        ['run', SCENARIO, '--set', `${key}=50`],
        new RegExp(`--set ${key} is unknown; ${offer.replace('?', '.')}`),
      )
      await refuses(
        ['sweep', SCENARIO, '--over', `${key}=50,60`],
        new RegExp(`${key} is unknown; ${offer.replace('?', '.')}`),
      )
    }
  })

  it('is a value that cannot be read', async () => {
    for (const broken of ['{', ']', '"', '*nothing', '&a [*a]']) {
      const why = /is no YAML: .*; give a number, a word/
      await refuses(['run', SCENARIO, '--set', `world.nodes=${broken}`], why)
      await refuses(['sweep', SCENARIO, '--over', `world.nodes=${broken}`], why)
    }
  })

  it('is too few or too many words, or a command that there is not', async () => {
    for (const name of ['run', 'sweep', 'compare', 'report'] as const) {
      await refuses([name], new RegExp(`missing required argument '\\w+'; ${name} --help`))
      await refuses([name, 'a', 'b', 'c'], new RegExp(`too many arguments .* ${name} --help`))
    }
    await refuses(['calibrate', 'a'], /too many arguments .* calibrate --help/)
    await refuses(['replay'], /0 files are given; give one/)
    await refuses(['replay', 'a', 'b'], /2 files are given; give one/)
    await refuses(['dst', 'a'], /Unexpected argument 'a'/)
    for (const word of ['shrink', 'rum']) {
      await refuses(
        [word],
        new RegExp(`unknown command '${word}'.*; there are dst, replay, run, sw`),
      )
    }
  })

  it('is a file or a folder that is missing, or something else', async () => {
    const at = (name: string) => join(root, name)
    for (const name of ['nothing', 'broken']) {
      for (const word of ['run', 'sweep', 'replay']) {
        await refuses([word, at(name)], new RegExp(`${name} cannot be read .*; give a `))
      }
    }
    for (const name of ['nothing', 'text']) {
      await refuses(['compare', at(name), at(name)], /holds no results .*; give a folder/)
      await refuses(['report', at(name)], /holds no results .*; give a folder/)
      await refuses(
        ['report', 'one', '--calibration', at(name)],
        /no calibration .*; give a folder/,
      )
      await refuses(['calibrate', '--from', at(name)], /holds no calibration .*; give a folder/)
    }
    await refuses(['replay', at('text')], /text cannot be read .*; give a recording/)
    await refuses(['replay', at('word.json')], /is a bare word; give a recording/)
    await refuses(
      ['replay', at('broken/summary.json')],
      /summary.json cannot be read .*; give a rec/,
    )
    await refuses(
      ['compare', at('broken'), at('broken')],
      /summary.json cannot be read .*; give a /,
    )
    await refuses(['report', at('broken')], /summary.json cannot be read .*; give a folder/)
    await refuses(['calibrate', '--from', at('broken')], /calibration.json cannot be read .*; give/)
    await refuses(
      ['run', SCENARIO, '--out', at('text')],
      /--out .* cannot be made .*; give a folder/,
    )
    await refuses(['calibrate', '--out', at('text')], /--out .* cannot be made .*; give a folder/)
  })
})
