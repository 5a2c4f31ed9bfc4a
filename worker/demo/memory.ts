/** The most memory that a set of processes held at once, as far as the operating system tells. */
import { readFile } from 'node:fs/promises'

const LOOK_MS = 1000
/** Linux counts in pages; 4 KiB on every platform that has /proc and our binaries. */
const PAGE_BYTES = 4096

export class MemoryWatch {
  peakRssBytes = 0
  readonly #timer: NodeJS.Timeout

  constructor(pids: () => readonly number[]) {
    this.#timer = setInterval(() => void this.#look(pids()), LOOK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #look(pids: readonly number[]): Promise<void> {
    const held = await Promise.all([process.pid, ...pids].map(rssBytes))
    const sum = held.reduce((total, bytes) => total + bytes, 0)
    this.peakRssBytes = Math.max(this.peakRssBytes, sum)
  }
}

/** Resident bytes of a process; 0 where it has ended or the system does not tell. */
async function rssBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
  return Number(text.split(' ')[1] ?? 0) * PAGE_BYTES
}
