/** How the demo tells what happens: chapters, a line for each event with the time since the start, bars for long work. */
import { styleText } from 'node:util'
import { type Progress, seconds, startProgress } from '../cli/progress.ts'

export class Story {
  readonly #out: NodeJS.WriteStream
  readonly #startedMs = performance.now()

  /** The story is the result, unless a program asked for JSON: then it moves to standard error. */
  constructor(json: boolean) {
    this.#out = json ? process.stderr : process.stdout
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs
  }

  chapter(title: string): void {
    this.#write(`\n${styleText(['bold', 'cyan'], title)}`)
  }

  line(text: string): void {
    const time = seconds(this.elapsedMs).padStart(7)
    this.#write(`${styleText('dim', time)}  ${text}`)
  }

  /** Text without a time: tables, and answers as they are written. */
  plain(text: string): void {
    this.#write(text)
  }

  /** Text in the middle of a line. */
  append(text: string): void {
    this.#out.write(text)
  }

  bar(label: string): Progress {
    return startProgress(`         ${label}`, process.stderr)
  }

  #write(text: string): void {
    this.#out.write(`${text}\n`)
  }
}

export const good = (text: string): string => styleText('green', text)
export const bad = (text: string): string => styleText('red', text)
export const dim = (text: string): string => styleText('dim', text)
export const strong = (text: string): string => styleText('bold', text)
