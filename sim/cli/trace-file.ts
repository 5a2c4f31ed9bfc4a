/** `run FILE --trace jobs=N`: the first run of a study once more, with the first jobs followed, as a file for Perfetto. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { JobTrace } from '../trace.ts'
import { World } from '../world.ts'
import { armsOf, protocolOf } from './arms.ts'
import { Refusal } from './refusal.ts'
import type { Study } from './scenario-file.ts'

const MOST_JOBS = 1000

/** How many jobs `--trace` asks for. Throws `Refusal` where it asks for none, or at a depth that has none. */
export function tracedJobs(text: string, { depth }: Study): number {
  const count = Number(/^jobs=([1-9]\d{0,3})$/.exec(text)?.[1])
  if (!(count <= MOST_JOBS)) {
    throw new Refusal(
      `--trace ${text} names no jobs; write --trace jobs=N, with N from 1 to ${MOST_JOBS}`,
    )
  }
  if (depth !== 'protocol') throw new Refusal(`--trace follows jobs, and depth ${depth} has none`)
  return count
}

/** @returns the file's path */
export function writeTrace(study: Study, jobs: number, folder: string): string {
  const [arm] = armsOf(study)
  const [seed] = study.seeds
  const trace = new JobTrace(jobs)
  const watch: ConstructorParameters<typeof World>[1] = (...seen) => trace.watch(...seen)
  const { hash } = new World(protocolOf(arm!.settings, seed!), watch).run()
  const { otherData, ...rest } = trace.finish()
  const about = { study: study.name, arm: arm!.label, seed, hash }
  const path = join(folder, 'trace.json')
  writeFileSync(path, `${JSON.stringify({ otherData: { ...about, ...otherData }, ...rest })}\n`)
  return path
}
