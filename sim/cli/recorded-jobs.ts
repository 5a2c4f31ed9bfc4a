/** The jobs of a recorded day as a workload: when each was ordered, of what kind, and how large. */
import { isAbsolute, join } from 'node:path'
import { type Opened, open } from '../../protocol/envelope.ts'
import { TASKS, type Task } from '../../protocol/receipt.ts'
import type { Domain } from '../../protocol/struct.ts'
import type { Arrival } from '../scenario.ts'
import type { Value } from './keys.ts'
import { readRecording } from './recording-file.ts'
import { Refusal } from './refusal.ts'

/** As many as a scenario file can hold. */
export const MOST_ARRIVALS = 10_000

const MOST_MS = 86_400_000

/** `1520 inference 64`: milliseconds since the first, task, units at the most. */
export const ARRIVAL = new RegExp(`^\\d{1,9} (${TASKS.join('|')}) [1-9]\\d{0,9}$`)

/** The keys of a workload with the jobs themselves in place of the file that has them, so that the scenario stands alone. */
export function withArrivals(
  workload: Readonly<Record<string, Value>>,
  folder: string,
): Readonly<Record<string, Value>> {
  const { recording, ...rest } = workload
  if (recording === undefined) return workload
  if (rest['arrivals'] !== undefined) {
    throw new RangeError(
      'workload.recording and workload.arrivals both say when jobs come; give one',
    )
  }
  const file = String(recording)
  const arrivals = arrivalsIn(isAbsolute(file) ? file : join(folder, file))
  return { ...rest, arrivals }
}

/** Throws `RangeError` where other keys say otherwise. */
export function arrivalsOf({ arrivals, jobs, workloadMs }: Readonly<Record<string, Value>>) {
  if (!Array.isArray(arrivals)) return {}
  if (workloadMs !== undefined) {
    throw new RangeError(
      `workloadMs is ${workloadMs}, but recorded jobs come when they came; leave it out`,
    )
  }
  const count = (jobs ?? arrivals.length) as number
  if (count > arrivals.length) {
    throw new RangeError(`jobs is ${count}, but ${arrivals.length} are recorded; take no more`)
  }
  const taken = (arrivals as string[]).slice(0, count).map(arrivalIn)
  taken.forEach(({ atMs }, index) => {
    const before = taken[index - 1]?.atMs ?? 0
    if (atMs < before) throw new RangeError(`arrivals has ${atMs} behind ${before}; sort them`)
  })
  const lastMs = taken.at(-1)!.atMs
  if (lastMs > MOST_MS) {
    throw new RangeError(
      `the last job comes after ${lastMs} ms, and ${MOST_MS} are a day; take fewer with jobs`,
    )
  }
  // Faults happen while jobs come in: a little longer than that, for all may have come at once.
  return { arrivals: taken, jobs: count, workloadMs: lastMs + 1000 }
}

function arrivalIn(text: string): Arrival {
  const [atMs, task, maxUnits] = text.split(' ') as [string, Task, string]
  return { atMs: Number(atMs), task, maxUnits: Number(maxUnits) }
}

/** Jobs that the node took for good, in the order in which they were signed. */
function arrivalsIn(file: string): string[] {
  const jobs = new Map<string, { issuedAtMs: number; words: string }>()
  let messages: Domain | undefined
  for (const { line } of readRecording(file).lines) {
    if (line.kind === 'start') messages = line.core.messages
    if (line.kind !== 'event' || line.event.kind !== 'received') continue
    if (!line.did?.startsWith('judge accept')) continue
    const opened: Opened = open(line.event.bytes, messages!)
    if (!opened.ok || opened.envelope.message.kind !== 'job') continue
    const { issuedAtMs, task, maxUnits } = opened.envelope.message.body
    jobs.set(opened.envelope.digest, { issuedAtMs, words: `${task} ${maxUnits}` })
  }
  if (jobs.size === 0)
    throw new Refusal(`${file} has no jobs; take the recording of a node that heard some`)
  if (jobs.size > MOST_ARRIVALS) {
    throw new Refusal(
      `${file} has ${jobs.size} jobs, more than the ${MOST_ARRIVALS} of a scenario; take a part of it`,
    )
  }
  const sorted = [...jobs.values()].sort((one, other) => one.issuedAtMs - other.issuedAtMs)
  return sorted.map(({ issuedAtMs, words }) => `${issuedAtMs - sorted[0]!.issuedAtMs} ${words}`)
}
