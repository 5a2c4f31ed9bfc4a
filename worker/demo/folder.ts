/** The folder of a demo. It is emptied at the start: so it must be one that a demo has left, and that none uses now. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFolder } from '../storage/lock.ts'
import { DemoError } from './errors.ts'

/** Says that a demo has made the folder. */
const MARK = 'demo'
const LOCK = 'lock'

/** @throws DemoError where it holds what no demo has left, StorageError where another process uses it */
export async function takeFolder(folder: string): Promise<Disposable> {
  await mkdir(folder, { recursive: true })
  const held = await readdir(folder)
  if (held.length > 0 && !held.includes(MARK)) {
    throw new DemoError(
      `${folder} holds what no demo has left there, and would be emptied. Name another folder with --data, or delete it yourself.`,
    )
  }
  await writeFile(join(folder, MARK), '')
  const lock = lockFolder(folder)
  for (const name of held) {
    if (name === MARK || name === LOCK) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
  return lock
}
