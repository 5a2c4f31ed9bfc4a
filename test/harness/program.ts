/** The `tributary` program as a process of its own, in a folder where no node runs. */
import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../../worker/cli/main.ts', import.meta.url))
/** As npm starts it: a process that waits for the program's own. */
export const LAUNCHER = fileURLToPath(new URL('../../bin/tributary.js', import.meta.url))

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs it to its end. What is not said on the command line is not known to it. */
export function tributary(folder: string, words: readonly string[]): Promise<Said> {
  const options = { cwd: folder, env: environment(folder) }
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...words], options, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err })
    })
  })
}

/** Starts it; its words are the caller's to read. */
export function startTributary(
  folder: string,
  words: readonly string[],
  program = PROGRAM,
  stdio: StdioOptions = ['ignore', 'pipe', 'pipe'],
): ChildProcess {
  return spawn(process.execPath, [program, ...words], {
    cwd: folder,
    env: environment(folder),
    stdio,
  })
}

/** Until the process has said this on standard error; throws with all it said where it ends before. */
export function untilSaid(child: ChildProcess, what: RegExp): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('exit', (code) =>
      reject(new Error(`ended with ${code} and did not say ${what}: ${said}`)),
    )
    child.stderr!.on('data', (part: Buffer) => {
      said += part
      if (what.test(said)) resolve(said)
    })
  })
}

/** Each run compiles the same modules: the first leaves what it compiled to the others. */
function environment(folder: string) {
  return { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(folder, 'compiled') }
}
