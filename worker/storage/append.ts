/**
 * Files that only grow, record by record. The system may write less than it was asked to and call that a success, as when
 * the disk is all but full, and a write that fails may have left half a record behind: whatever were written after that could
 * not be read again.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StorageError } from './errors.ts'

export class AppendFile {
  readonly #path: string
  readonly #handle: number
  /** Of whole records; whatever else the disk holds is cut off. */
  #bytes: number
  /** Why half a record could not be cut off. */
  #torn: unknown

  private constructor(path: string, handle: number, bytes: number) {
    this.#path = path
    this.#handle = handle
    this.#bytes = bytes
  }

  /** Opens a file of whole records, or begins one. */
  static open(path: string): AppendFile {
    const handle = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    return new AppendFile(path, handle, fstatSync(handle).size)
  }

  /** Writes a file and puts it in an old one's place, in one step that survives a power cut; where it fails, the old one stays. */
  static replace(path: string, content: Uint8Array): AppendFile {
    const draft = `${path}.draft`
    const handle = openSync(draft, 'w', 0o600)
    try {
      writeAll(handle, content, 0)
      fsyncSync(handle)
      renameSync(draft, path)
    } catch (error) {
      closeSync(handle)
      rmSync(draft, { force: true })
      throw error
    }
    syncFolder(dirname(path))
    return new AppendFile(path, handle, content.length)
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Returns when the system has the whole record, and with `sync` when the disk has it; where it throws, the file has nothing
   * of it.
   */
  append(record: Uint8Array, sync: boolean): void {
    if (this.#torn !== undefined) {
      const message = `${this.#path} ends in half a record that could not be cut off; start again`
      throw new StorageError('unwritable', message, { cause: this.#torn })
    }
    try {
      writeAll(this.#handle, record, this.#bytes)
      if (sync) fsyncSync(this.#handle)
    } catch (error) {
      this.#cut()
      throw error
    }
    this.#bytes += record.length
  }

  close(): void {
    closeSync(this.#handle)
  }

  #cut(): void {
    try {
      ftruncateSync(this.#handle, this.#bytes)
    } catch (error) {
      this.#torn = error
    }
  }
}

/** Writes all of it from a place in the file on, in as many goes as it takes. */
export function writeAll(handle: number, bytes: Uint8Array, from: number): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(handle, bytes, at, bytes.length - at, from + at)
  }
}

/** Waits until the disk has the names in a folder, where the system can do that for folders. */
export function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch {
    // Windows cannot, nor can some file systems: they write names down by themselves, a little later.
  }
}
