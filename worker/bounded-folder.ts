/** Files that can be made again, in a folder of bounded size: whichever was used longest ago goes first. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const UNFINISHED = '.part'

export interface BoundedFolderOptions {
  /** What all of its files' names end with, dot included. */
  readonly suffix: string
  readonly limitBytes: number
}

export class BoundedFolder {
  readonly #folder: string
  readonly #options: BoundedFolderOptions
  /** Bytes of each file by name, least recently used first. */
  #files: Promise<Map<string, number>> | undefined
  #writes = 0

  constructor(folder: string, options: BoundedFolderOptions) {
    this.#folder = folder
    this.#options = options
  }

  /** The path of the file of this id; undefined where there is none. */
  async find(id: string): Promise<string | undefined> {
    const files = await this.#scan()
    const name = this.#name(id)
    const path = join(this.#folder, name)
    const bytes = files.get(name)
    if (bytes === undefined) return undefined
    files.delete(name)
    files.set(name, bytes)
    // The order outlives the process by the files' times. A folder that cannot be written is of use all the same.
    await utimes(path, new Date(), new Date()).catch(() => {})
    return path
  }

  /** Removes a file that is of no use. */
  async forget(id: string): Promise<void> {
    const files = await this.#scan()
    const name = this.#name(id)
    files.delete(name)
    await rm(join(this.#folder, name), { force: true })
  }

  /** Keeps a file; one that is larger than the whole folder may be is left out. */
  async write(id: string, bytes: Uint8Array): Promise<void> {
    const files = await this.#scan()
    const { limitBytes } = this.#options
    if (bytes.length > limitBytes) return
    const name = this.#name(id)
    files.delete(name)
    const used = (): number => [...files.values()].reduce((sum, size) => sum + size, 0)
    while (used() + bytes.length > limitBytes) {
      const oldest = files.keys().next().value!
      files.delete(oldest)
      await rm(join(this.#folder, oldest), { force: true })
    }
    files.set(name, bytes.length)
    const fresh = join(this.#folder, `${name}.${this.#writes++}${UNFINISHED}`)
    await writeFile(fresh, bytes)
    await rename(fresh, join(this.#folder, name))
  }

  #scan(): Promise<Map<string, number>> {
    this.#files ??= scan(this.#folder, this.#options.suffix)
    return this.#files
  }

  #name(id: string): string {
    return createHash('sha256').update(id).digest('hex') + this.#options.suffix
  }
}

/** What lies in the folder, least recently used first; the leavings of a write that was cut off are removed. */
async function scan(folder: string, suffix: string): Promise<Map<string, number>> {
  await mkdir(folder, { recursive: true })
  const names = await readdir(folder)
  for (const name of names.filter((one) => one.endsWith(UNFINISHED))) await rm(join(folder, name))
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith(suffix))
      .map(async (name) => ({ name, ...(await sizeAndTime(join(folder, name))) })),
  )
  return new Map(found.sort((a, b) => a.timeMs - b.timeMs).map(({ name, bytes }) => [name, bytes]))
}

async function sizeAndTime(path: string): Promise<{ bytes: number; timeMs: number }> {
  const { size, mtimeMs } = await stat(path)
  return { bytes: size, timeMs: mtimeMs }
}
