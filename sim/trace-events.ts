/**
 * Slices as a trace in the JSON form that Perfetto and chrome://tracing open: each node is a process, whose slices lie in lanes
 * where they overlap, and for each job arrows lead from what caused a slice to it. Times are virtual microseconds.
 */
export type Step = 'order' | 'execute' | 'verify' | 'propose' | 'endorse' | 'post' | 'final'

export interface Slice {
  readonly node: number
  readonly role: string
  readonly manner: string
  readonly step: Step
  readonly about: string
  readonly startMs: number
  endMs: number
  /** Numbers of the jobs that it is about, from 1 on. */
  readonly jobs: readonly number[]
}

/** An event of the Chrome trace format. */
export interface TraceEvent {
  readonly name: string
  readonly ph: 'M' | 'X' | 's' | 'f'
  readonly pid: number
  readonly tid: number
  readonly ts?: number
  readonly dur?: number
  readonly cat?: string
  readonly id?: number
  readonly bp?: 'e'
  readonly args?: Readonly<Record<string, unknown>>
}

export interface Trace {
  readonly displayTimeUnit: 'ms'
  readonly otherData: { readonly jobs: number; readonly slices: number; readonly leftOut: number }
  readonly traceEvents: readonly TraceEvent[]
}

/** Slices kept at the most: what comes later is counted, and left out. */
export const MOST_SLICES = 20_000
/** Arrows drawn at the most, two events each. */
const MOST_ARROWS = 40_000

/** What a step follows from, and whether it must be about the same. */
const CAUSES: Readonly<Partial<Record<Step, readonly [cause: Step, isAboutSame: boolean]>>> = {
  execute: ['order', false],
  verify: ['execute', true],
  propose: ['verify', false],
  endorse: ['propose', true],
  post: ['endorse', true],
  final: ['post', true],
}

export function eventsOf(slices: readonly Slice[], jobs: number, leftOut: number): Trace {
  const lanes = lanesOf(slices)
  const events = slices.map((slice, index): TraceEvent => {
    const { node, step, startMs, endMs, about } = slice
    const names = slice.jobs.map((job) => `job ${job}`)
    const time = { ts: us(startMs), dur: us(endMs) - us(startMs) }
    const args = { jobs: slice.jobs, about }
    const place = { pid: node, tid: lanes[index]! }
    return { name: `${step} ${names.join(', ')}`, cat: step, ph: 'X', ...place, ...time, args }
  })
  return {
    displayTimeUnit: 'ms',
    otherData: { jobs, slices: slices.length, leftOut },
    traceEvents: [...namesOf(slices), ...events, ...arrowsOf(slices, lanes)],
  }
}

function namesOf(slices: readonly Slice[]): TraceEvent[] {
  const nodes = new Map(slices.map((slice) => [slice.node, slice]))
  return [...nodes.values()].map(({ node, role, manner }): TraceEvent => {
    const name = manner === 'honest' ? `${role} ${node}` : `${role} ${node} (${manner})`
    return { name: 'process_name', ph: 'M', pid: node, tid: 0, args: { name } }
  })
}

/** For each slice the first lane of its node that is free. */
function lanesOf(slices: readonly Slice[]): number[] {
  const freeFromMs = new Map<number, number[]>()
  const lanes: number[] = []
  const order = [...slices.keys()].sort((a, b) => slices[a]!.startMs - slices[b]!.startMs || a - b)
  for (const index of order) {
    const { node, startMs, endMs } = slices[index]!
    const held = freeFromMs.get(node) ?? []
    freeFromMs.set(node, held)
    const free = held.findIndex((fromMs) => fromMs <= startMs)
    lanes[index] = free < 0 ? held.length : free
    held[lanes[index]] = endMs
  }
  return lanes
}

function arrowsOf(slices: readonly Slice[], lanes: readonly number[]): TraceEvent[] {
  const byJob = new Map<string, number[]>()
  for (const [index, { step, jobs }] of slices.entries()) {
    for (const job of jobs) {
      const key = `${step} ${job}`
      byJob.set(key, [...(byJob.get(key) ?? []), index])
    }
  }
  const events: TraceEvent[] = []
  for (const [index, slice] of slices.entries()) {
    const cause = CAUSES[slice.step]
    if (!cause) continue
    for (const job of slice.jobs) {
      for (const from of byJob.get(`${cause[0]} ${job}`) ?? []) {
        const isCause = !cause[1] || slices[from]!.about === slice.about
        if (!isCause || slices[from]!.endMs > slice.startMs) continue
        if (events.length >= 2 * MOST_ARROWS) return events
        const both = { name: `job ${job}`, cat: 'job', id: events.length / 2 + 1 }
        const start = { pid: slices[from]!.node, tid: lanes[from]!, ts: lastUs(slices[from]!) }
        const end = { pid: slice.node, tid: lanes[index]!, ts: us(slice.startMs), bp: 'e' } as const
        events.push({ ...both, ph: 's', ...start }, { ...both, ph: 'f', ...end })
      }
    }
  }
  return events
}

/** An arrow starts within its slice. */
function lastUs({ startMs, endMs }: Slice): number {
  return Math.max(us(startMs), us(endMs) - 1)
}

function us(ms: number): number {
  return Math.round(1000 * ms)
}
