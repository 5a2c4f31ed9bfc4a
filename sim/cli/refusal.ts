import { readFileSync } from 'node:fs'
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** What was asked for is not done, and the message says what would be: exit code 2. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** Says on standard error why not. @returns the exit code; what is no refusal is thrown on */
export function refused(error: unknown): 2 {
  if (!(error instanceof Refusal)) throw error
  // It may quote a file, which may come from anybody.
  process.stderr.write(`${error.message.replace(/[^\P{Cc}\n]+/gu, ' ')}\n`)
  return 2
}

/** A number as somebody gave it. Throws `Refusal` naming the option */
export function wholeOf(option: string, text: string, most = 999_999): number {
  if (/^[1-9]\d*$/.test(text) && Number(text) <= most) return Number(text)
  throw new Refusal(`${option} ${text} is no whole number from 1 to ${most}`)
}

/** `parseArgs`, but for its errors. @param help the words that list the options. Throws `Refusal` */
export function argumentsOf<T extends ParseArgsConfig>(help: string, config: T) {
  try {
    return parseArgs(config)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!code?.startsWith('ERR_PARSE_ARGS_')) throw error
    // Its further sentences are about lone dashes.
    const [what = ''] = message.split(/\.\s/)
    throw new Refusal(`${what.replace('is ambiguous', 'missing')}; ${help} lists what may be given`)
  }
}

/** What `action` does with a file or folder. Throws `Refusal` where that cannot be done, or it is no JSON. */
export function ofFile<T>(
  path: string,
  advice: string,
  action: () => T,
  done: 'read' | 'made' = 'read',
): T {
  try {
    return action()
  } catch (error) {
    const isOurs = error instanceof SyntaxError || (error as NodeJS.ErrnoException).syscall
    if (!isOurs) throw error
    const why = (error as Error).message.replace(/\s+/g, ' ')
    throw new Refusal(`${path} cannot be ${done} (${why}); ${advice}`)
  }
}

/** A JSON file's content; its form is the caller's to check. Throws `Refusal` */
export function readJson(path: string, advice: string): unknown {
  return ofFile(path, advice, () => JSON.parse(readFileSync(path, 'utf8')))
}
