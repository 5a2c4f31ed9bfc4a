/** One process a data folder: two would give one journal two hands. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError } from './errors.ts'

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
