/** One seed, one run: in two processes, and in two versions of Node. */
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Figure } from '../figure.ts'
import { type GossipMeasured, runGossip } from './gossip.ts'
import { ifThere, outputOf, printed } from './process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = path.join(ROOT, 'node_modules/typescript/bin/tsc')
/** Compiled: older versions of Node do not read TypeScript. */
const COMPILED = path.join(ROOT, 'dist/bench/sim/gossip-process.js')
/** All that can go wrong in depth F. */
const FAULTY = {
  ...{ seed: 7, nodes: 2000, messages: 60 },
  ...{ loss: 0.02, silent: 0.1, leavesPerHour: 60, awayMs: 10_000 },
}

export async function* repeat(say: (line: string) => void): AsyncIterable<Figure> {
  const first = await runGossip(FAULTY)
  const second = await runGossip(FAULTY)
  const { report } = first
  yield {
    name: 'same seed twice: runs that differ',
    value: differing(report, second.report),
    unit: '',
    bar: { atMost: 0 },
    note: `depth F, ${FAULTY.nodes} nodes with loss, churn and silent nodes; ${report.events} events, hash ${report.hash}`,
  }
  const name = 'same seed in two major versions of Node: runs that differ'
  const other = await otherNode()
  if (other === undefined) {
    const note = `not run: no other major version than ${process.version} on PATH`
    yield { name, value: undefined, unit: '', bar: { atMost: 0 }, note }
    return
  }
  say(`compiling for node ${other.version} …`)
  await outputOf(process.execPath, TSC, '-b', path.join(ROOT, 'bench'))
  const third = await printed<GossipMeasured>(other.program, COMPILED, JSON.stringify(FAULTY))
  const note = `${process.version} and ${other.version}, the latter from compiled sources; hash ${third.report.hash}`
  const value = differing(report, third.report)
  yield { name, value, unit: '', bar: { atMost: 0 }, note }
}

function differing(a: GossipMeasured['report'], b: GossipMeasured['report']): number {
  return JSON.stringify(a) === JSON.stringify(b) ? 0 : 1
}

/** A Node on PATH of another major version. */
async function otherNode(): Promise<{ program: string; version: string } | undefined> {
  const major = (version: string): string | undefined => version.split('.')[0]
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const program = await ifThere(() => realpath(path.join(folder, 'node')))
    if (program === undefined) continue
    const version = (await outputOf(program, '--version')).trim()
    if (major(version) !== major(process.version)) return { program, version }
  }
  return undefined
}
