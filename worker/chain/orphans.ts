/**
 * Who runs the embedded chain of a data folder. The guardian ends the chain when the node dies; only where both were
 * killed at once does a chain stay behind, and two chains on one state file would ruin it. So the pids are noted.
 */
import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { ChainError } from './errors.ts'
import { sleep } from './wait.ts'

const Pids = z.strictObject({ guardian: z.int().positive(), chain: z.int().positive() })
export type Pids = z.output<typeof Pids>

/** A killed process is gone from the system's list within moments, in ms. */
const DEATH_WAIT_MS = 2000
/** A guardian whose node has just died is still ending its chain, state and all, in ms. */
const GUARDIAN_WAIT_MS = 5000
const LOOK_MS = 20

export async function notePids(file: string, pids: Pids): Promise<void> {
  await writeFile(file, JSON.stringify(pids))
}

export async function forgetPids(file: string): Promise<void> {
  await rm(file, { force: true })
}

/**
 * Ends a chain that was left behind. Throws `ChainError` `folder-in-use` where the chain still has its guardian: then
 * another node works on the same data folder. Where the system does not say what a pid runs, nothing is ended.
 */
export async function endOrphan(
  file: string,
  stateFile: string,
  signal?: AbortSignal,
): Promise<void> {
  const pids = await readPids(file)
  if (!pids) return
  const runs = async (pid: number): Promise<boolean> => (await commandOf(pid)).includes(stateFile)
  if (!(await hasEnded(() => runs(pids.guardian), GUARDIAN_WAIT_MS, signal))) {
    throw new ChainError(
      'folder-in-use',
      `process ${pids.guardian} runs the embedded chain of ${stateFile}; end that node, or use another data folder`,
    )
  }
  if (await runs(pids.chain)) {
    process.kill(pids.chain, 'SIGKILL')
    await hasEnded(() => runs(pids.chain), DEATH_WAIT_MS, signal)
  }
  await forgetPids(file)
}

async function hasEnded(
  isRunning: () => Promise<boolean>,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (let waitedMs = 0; await isRunning(); waitedMs += LOOK_MS) {
    if (waitedMs >= waitMs) return false
    await sleep(LOOK_MS, signal)
  }
  return true
}

async function readPids(file: string): Promise<Pids | undefined> {
  try {
    return Pids.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    // None was noted, or half of it before a crash: there is nothing to go by.
    return undefined
  }
}

/** The command line of a process; empty where there is none, or the system does not tell. */
async function commandOf(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    }
    if (process.platform === 'win32') return ''
    return (await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)])).stdout
  } catch {
    return ''
  }
}
