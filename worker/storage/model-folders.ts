/**
 * Base models as folders, as the engine reads them. Anyone who orders a job names one, and it can be fetched again: so those used
 * longest ago go where they take more room than they may.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cid } from '../../protocol/fields.ts'
import { MAX_JOB_LIFETIME_MS } from '../../protocol/params.ts'
import type { Logger } from '../telemetry/logger.ts'
import { UNFINISHED } from './content.ts'

export interface ModelFoldersOptions {
  readonly mostBytes: number
  /** What was used within this time stays in any case: a job may be working with it. */
  readonly idleMs?: number
  readonly log: Logger
}

interface Found {
  readonly model: string
  readonly bytes: number
  readonly usedAtMs: number
}

export class ModelFolders {
  readonly #folder: string
  readonly #options: ModelFoldersOptions

  /** What a killed node was fetching goes: its blocks are in the store. */
  constructor(folder: string, options: ModelFoldersOptions) {
    this.#folder = join(folder, 'models')
    this.#options = options
    if (!existsSync(this.#folder)) return
    for (const name of readdirSync(this.#folder)) {
      if (isUnfinished(name)) rmSync(join(this.#folder, name), { recursive: true })
    }
  }

  pathOf(model: Cid): string {
    return join(this.#folder, model)
  }

  has(model: Cid): boolean {
    return existsSync(this.pathOf(model))
  }

  async drop(model: Cid): Promise<void> {
    await rm(this.pathOf(model), { recursive: true, force: true })
  }

  /**
   * Notes that a model is used, and lets go of others until all that are left fit. What of this the disk refuses is logged.
   * @param atHand those that stay
   */
  async use(model: Cid, atHand: ReadonlySet<string>): Promise<void> {
    try {
      const now = new Date()
      await utimes(this.pathOf(model), now, now)
      await this.#makeRoom(new Set([...atHand, model]))
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, 'base models not looked through')
    }
  }

  async #makeRoom(staying: ReadonlySet<string>): Promise<void> {
    const found = await this.#found()
    let bytes = found.reduce((sum, one) => sum + one.bytes, 0)
    const { mostBytes, idleMs = 2 * MAX_JOB_LIFETIME_MS } = this.#options
    const lastMs = Date.now() - idleMs
    for (const one of found.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (bytes <= mostBytes || one.usedAtMs > lastMs) return
      if (staying.has(one.model)) continue
      await rm(join(this.#folder, one.model), { recursive: true, force: true })
      bytes -= one.bytes
      this.#options.log.info({ model: one.model, bytes: one.bytes }, 'base model let go of')
    }
  }

  /** What is being fetched is not among them: it has another name until it is whole. */
  async #found(): Promise<Found[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory() && !isUnfinished(entry.name))
    return Promise.all(
      folders.map(async ({ name: model }) => {
        const folder = join(this.#folder, model)
        const files = await readdir(folder)
        const sizes = await Promise.all(
          files.map(async (file) => (await stat(join(folder, file))).size),
        )
        const bytes = sizes.reduce((sum, size) => sum + size, 0)
        return { model, bytes, usedAtMs: (await stat(folder)).mtimeMs }
      }),
    )
  }
}

function isUnfinished(name: string): boolean {
  return name.endsWith(UNFINISHED)
}
