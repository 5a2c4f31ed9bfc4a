/**
 * A disk that has room for so many bytes more. As the system does, it takes of a write what fits and says how much that was,
 * and fails only where nothing does.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** Until it is disposed of. @param canCut whether files can still be made shorter */
export function fullDisk(roomBytes: number, canCut = true): Disposable {
  const { writeSync, ftruncateSync } = fs
  let left = roomBytes
  const write = (
    handle: number,
    bytes: Buffer,
    at = 0,
    length = bytes.length - at,
    to?: number,
  ) => {
    const fits = Math.min(left, length)
    if (fits === 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    left -= fits
    return writeSync(handle, bytes, at, fits, to)
  }
  const refuse = () => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
  }
  replace({ writeSync: write, ...(canCut ? {} : { ftruncateSync: refuse }) })
  return { [Symbol.dispose]: () => replace({ writeSync, ftruncateSync }) }
}

/** Also where they are imported by name. */
function replace(functions: object): void {
  Object.assign(fs, functions)
  syncBuiltinESMExports()
}
