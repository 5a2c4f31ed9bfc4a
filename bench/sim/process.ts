/** Programs of their own: memory and CPU time are told apart by process only. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export function here(file: string): string {
  return fileURLToPath(new URL(`./${file}`, import.meta.url))
}

export async function outputOf(program: string, ...args: string[]): Promise<string> {
  return (await run(program, args)).stdout
}

/** What the program prints, read as JSON. */
export async function printed<T>(program: string, ...args: string[]): Promise<T> {
  return JSON.parse(await outputOf(program, ...args)) as T
}

/** Undefined where there is no such program: a machine may lack those that we compare with. */
export async function ifThere<T>(attempt: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
