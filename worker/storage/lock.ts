/** One process a data folder: two would give one journal two hands. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { StorageError } from './errors.ts'

/** Between two looks at a lock that another has, in ms. */
const LOOK_MS = 50

/** @throws StorageError `unwritable` where a live process holds the folder */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, 'lock')
  const holder = holderOf(path)
  if (holder !== undefined && isAlive(holder)) {
    throw new StorageError(
      'unwritable',
      `${folder} is in use by process ${holder}. Stop it, or choose another folder with --data.`,
    )
  }
  rmSync(path, { force: true })
  const file = openSync(path, 'wx')
  writeSync(file, `${process.pid}\n`)
  closeSync(file)
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) }
}

/**
 * The same, as soon as whoever holds it lets go, within `waitMs`; `onWait` is called once where it has to wait.
 * @throws StorageError `unwritable` where it is held for longer
 */
export async function lockSoon(
  folder: string,
  waitMs: number,
  onWait: () => void = () => undefined,
): Promise<Disposable> {
  mkdirSync(folder, { recursive: true })
  const untilMs = performance.now() + waitMs
  for (let tries = 1; ; tries++) {
    try {
      return lockFolder(folder)
    } catch (error) {
      if (performance.now() > untilMs) throw error
      if (tries === 1) onWait()
      await setTimeout(LOOK_MS)
    }
  }
}

function holderOf(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
