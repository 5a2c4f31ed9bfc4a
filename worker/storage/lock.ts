/** One process a data folder: two would give one journal two hands. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { StorageError } from './errors.ts'

/** Between two looks at a lock that another has, in ms. */
const LOOK_MS = 50

/** @throws StorageError `unwritable` where a live process holds the folder */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, 'lock')
  while (!write(path)) {
    const holder = holderOf(path)
    if (holder !== undefined) {
      throw new StorageError(
        'unwritable',
        `${folder} is in use by process ${holder}. Stop it, or choose another folder with --data.`,
      )
    }
    rmSync(path, { force: true })
  }
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

/** It appears under its name with all that it says. @returns whether there was none */
function write(path: string): boolean {
  const own = `${path}.${process.pid}`
  writeFileSync(own, `${process.pid} ${startOf(process.pid)}\n`)
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** The process that wrote the lock, where it lives. In a container another soon has the number of one that was killed. */
function holderOf(path: string): number | undefined {
  const [pid, start] = textOf(path).trim().split(' ')
  const holder = Number(pid)
  if (!holder || !isAlive(holder)) return undefined
  return start === undefined || start === startOf(holder) ? holder : undefined
}

/** When a process began, in ticks since the machine did; nothing where the system does not tell. */
function startOf(pid: number): string {
  const text = textOf(`/proc/${pid}/stat`)
  // The name, in parentheses, may hold anything; what follows it begins with the third field of proc(5).
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[22 - 3] ?? ''
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
