/** One process a data folder: two would give one journal two hands. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { StorageError } from './errors.ts'

/** Between two looks at a lock that another has, in ms. */
const LOOK_MS = 50

/** Makes the folder where there is none. @throws StorageError `unwritable` where it cannot be written, or a live process holds it */
export function lockFolder(folder: string): Disposable {
  const taken = take(folder)
  if (typeof taken === 'number') throw inUse(folder, taken)
  return taken
}

/**
 * The same, as soon as whoever holds it lets go, within `waitMs`; `onWait` is called once where it has to wait.
 * @throws StorageError `unwritable` where it cannot be written, or is held for longer
 */
export async function lockSoon(
  folder: string,
  waitMs: number,
  onWait: () => void = () => undefined,
): Promise<Disposable> {
  const untilMs = performance.now() + waitMs
  for (let tries = 1; ; tries++) {
    const taken = take(folder)
    if (typeof taken !== 'number') return taken
    if (performance.now() > untilMs) throw inUse(folder, taken)
    if (tries === 1) onWait()
    await setTimeout(LOOK_MS)
  }
}

/** @returns the process that holds it, where there is one */
function take(folder: string): Disposable | number {
  try {
    mkdirSync(folder, { recursive: true })
    return takeFile(join(folder, 'lock'))
  } catch (cause) {
    const why = (cause as Error).message
    const message = `${folder} cannot be written (${why}). Mend that, or choose another folder with --data.`
    throw new StorageError('unwritable', message, { cause })
  }
}

/**
 * Of several that find it left by the dead, one alone may remove it, under a lock of its own: what the others saw would be
 * another's by then.
 */
function takeFile(path: string): Disposable | number {
  while (!write(path)) {
    const holder = holderIn(textOf(path))
    if (holder !== undefined) return holder
    const removing = takeFile(`${path}.left`)
    if (typeof removing === 'number') return removing
    using _ = removing
    const left = textOf(path)
    // Where there is none, another may take it at this moment.
    if (left !== undefined && holderIn(left) === undefined) rmSync(path, { force: true })
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) }
}

function inUse(folder: string, holder: number): StorageError {
  const message = `${folder} is in use by process ${holder}. Stop it, or choose another folder with --data.`
  return new StorageError('unwritable', message)
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

/** The process that wrote a lock, where it lives. In a container another soon has the number of one that was killed. */
function holderIn(lock = ''): number | undefined {
  const [pid, start] = lock.trim().split(' ')
  const holder = Number(pid)
  if (!holder || !isAlive(holder)) return undefined
  return start === undefined || start === startOf(holder) ? holder : undefined
}

/** When a process began, in ticks since the machine did; nothing where the system does not tell. */
function startOf(pid: number): string {
  const text = textOf(`/proc/${pid}/stat`) ?? ''
  // The name, in parentheses, may hold anything; what follows it begins with the third field of proc(5).
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[22 - 3] ?? ''
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
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
