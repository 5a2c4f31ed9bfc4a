/** The wheel against a C++ heap and against SimPy: the same flood, event for event. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { alternate } from '../engine/measure.ts'
import type { Figure } from '../figure.ts'
import type { Flooded } from './flood.ts'
import { here, ifThere, outputOf, printed } from './process.ts'

/** A Python that can import simpy. */
const PYTHON = process.env['TRIBUTARY_BENCH_PYTHON'] ?? 'python3'
const ROUNDS = 5
const MESSAGES = 40
/** SimPy takes twenty seconds for these. */
const FEW_MESSAGES = 10

type Measured = Flooded & { readonly seconds: number }

export async function* kernel(say: (line: string) => void): AsyncIterable<Figure> {
  yield await againstHeap(say)
  yield await againstSimPy(say)
}

async function againstHeap(say: (line: string) => void): Promise<Figure> {
  const name = 'kernel against C++ std::priority_queue, events a CPU second'
  const bar = { atLeast: 0.8 }
  const folder = await mkdtemp(path.join(tmpdir(), 'tributary-flood-'))
  try {
    const program = path.join(folder, 'flood')
    const compiler = await ifThere(() => outputOf('g++', '--version'))
    if (compiler === undefined) {
      return { name, value: undefined, unit: '×', bar, note: 'not run: there is no g++' }
    }
    await outputOf('g++', '-O2', '-o', program, here('flood.cpp'))
    say(`${ROUNDS} rounds of ${MESSAGES} messages …`)
    const note = await compare(MESSAGES, ROUNDS, () => printed(program, `${MESSAGES}`))
    const version = compiler.split('\n')[0]
    return { name, value: note.ratio, unit: '×', bar, note: `${note.text}; ${version} -O2` }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function againstSimPy(say: (line: string) => void): Promise<Figure> {
  const name = 'kernel against SimPy, events a CPU second'
  const bar = { atLeast: 40 }
  const program = here('flood.py')
  const missing = (what: string): Figure => {
    const note = `not run: ${what}; TRIBUTARY_BENCH_PYTHON names a Python that has simpy`
    return { name, value: undefined, unit: '×', bar, note }
  }
  const version = await ifThere(() => outputOf(PYTHON, program, '--version'))
  if (version === undefined) return missing(`there is no ${PYTHON}`)
  if (version.trim() === '') return missing(`${PYTHON} cannot import simpy`)
  say(`one round of ${FEW_MESSAGES} messages …`)
  const found = await compare(FEW_MESSAGES, 1, () => printed(PYTHON, program, `${FEW_MESSAGES}`))
  return { name, value: found.ratio, unit: '×', bar, note: `${found.text}; ${version.trim()}` }
}

/** How many times as long the peer takes, in medians of rounds taken in turn. Throws where the two differ in what they did. */
async function compare(messages: number, rounds: number, peer: () => Promise<Measured>) {
  let events = 0
  const taken: Measured[] = []
  const secondsOf = (run: () => Promise<Measured>) => async (): Promise<number> => {
    const measured = await run()
    taken.push(measured)
    events = measured.events
    return measured.seconds
  }
  const seconds = await alternate(rounds, {
    own: secondsOf(() => printed(process.execPath, here('flood-process.ts'), `${messages}`)),
    peer: secondsOf(peer),
  })
  const kinds = new Set(taken.map((run) => `${run.events} events, checksum ${run.checksum}`))
  if (kinds.size > 1) throw new Error(`not the same flood: ${[...kinds].join(' and ')}`)
  const rate = (taking: number): string => `${(events / taking / 1e6).toFixed(2)} M/s`
  const text = `${rate(seconds.own)} and ${rate(seconds.peer)}, ${[...kinds][0]}`
  return { ratio: seconds.peer / seconds.own, text }
}
