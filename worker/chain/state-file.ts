/**
 * The embedded chain's state file. anvil overwrites it in place, so a kill in mid-write leaves half a file, which anvil
 * refuses; hence a copy is kept of the last whole one.
 */
import { copyFile, readFile, rename, stat } from 'node:fs/promises'
import { ChainError } from './errors.ts'
import { sleep } from './wait.ts'

export type StateCheck = 'new' | 'sound' | 'restored'

/** A file that has not changed for this long, while its writer lives, is whole: writing takes milliseconds. */
const QUIET_MS = 500

/**
 * Makes sure that the state file is whole before anvil reads it: puts the copy in its place where it is not. Throws
 * `ChainError` `state-corrupt` where neither can be read.
 */
export async function checkState(file: string): Promise<StateCheck> {
  if (await isWhole(file)) return 'sound'
  if (await isWhole(copyOf(file))) {
    await copyFile(copyOf(file), file)
    return 'restored'
  }
  if (!(await exists(file)) && !(await exists(copyOf(file)))) return 'new'
  throw new ChainError(
    'state-corrupt',
    `${file} and its copy are damaged; delete their folder to begin a new chain`,
  )
}

/** Copies the state file whenever anvil has written it, until the signal fires. */
export async function keepCopying(
  file: string,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  let copiedAtMs = 0
  while (!signal.aborted) {
    const before = await stat(file).catch(() => undefined)
    await sleep(QUIET_MS, signal).catch(() => undefined)
    const after = await stat(file).catch(() => undefined)
    const isQuiet = after && before?.mtimeMs === after.mtimeMs && before.size === after.size
    if (!signal.aborted && isQuiet && after.mtimeMs > copiedAtMs) {
      copiedAtMs = (await copyWhole(file, after.mtimeMs)) ? after.mtimeMs : copiedAtMs
      await sleep(everyMs, signal).catch(() => undefined)
    }
  }
}

/** True where the file was not written to while it was copied; only then does the copy replace the last one. */
async function copyWhole(file: string, mtimeMs: number): Promise<boolean> {
  const draft = `${copyOf(file)}.draft`
  try {
    await copyFile(file, draft)
    if ((await stat(file)).mtimeMs !== mtimeMs) return false
    await rename(draft, copyOf(file))
    return true
  } catch {
    // The disk is full, or the folder is going: the last copy stays, and the next round tries again.
    return false
  }
}

export function copyOf(file: string): string {
  return `${file}.copy`
}

async function isWhole(file: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(file, 'utf8'))
    return true
  } catch {
    return false
  }
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
