/**
 * How far each fine-tune has come: a small file a job, rewritten after each segment, so that a node that was stopped in
 * the midst of one goes on from its last committed state. The states themselves lie in the content store.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { bytes32, cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { MAX_JOB_LIFETIME_MS } from '../../protocol/params.ts'

const TuneProgress = z.strictObject({
  /** What else the run depends on; progress made with another seed or other graphs is of no use. */
  seed: bytes32,
  graph: bytes32,
  states: z.array(z.strictObject({ hash: bytes32, cid })).min(1),
  seals: z.array(bytes32),
  losses: z.array(z.number()),
  heldOutLosses: z.array(z.number()),
})
export type TuneProgress = z.output<typeof TuneProgress>

/** No job is open for longer: whoever did it, its file is of no use any more. */
const KEPT_MS = 2 * MAX_JOB_LIFETIME_MS
const OWN_FILE = /\.json(\.new)?$/

export class TuneJournal {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** What was written last about a job. A file that cannot be read is as good as none: the work is done again. */
  read(jobId: Hash): TuneProgress | undefined {
    const path = this.#path(jobId)
    if (!existsSync(path)) return undefined
    try {
      return TuneProgress.parse(JSON.parse(readFileSync(path, 'utf8')))
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
      throw error
    }
  }

  write(jobId: Hash, progress: TuneProgress): void {
    mkdirSync(this.#folder, { recursive: true })
    const path = this.#path(jobId)
    if (!existsSync(path)) this.#sweep()
    // Renamed into place, so that a crash leaves either the old file or the new one.
    writeFileSync(`${path}.new`, JSON.stringify(progress))
    renameSync(`${path}.new`, path)
  }

  forget(jobId: Hash): void {
    rmSync(this.#path(jobId), { force: true })
  }

  /** Removes what was left of jobs that others have finished, or nobody. */
  #sweep(): void {
    const oldestMs = Date.now() - KEPT_MS
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name)
      if (OWN_FILE.test(name) && statSync(path).mtimeMs < oldestMs) rmSync(path, { force: true })
    }
  }

  #path(jobId: Hash): string {
    return join(this.#folder, `${jobId}.json`)
  }
}
