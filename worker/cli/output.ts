/** Results on standard output, as a table for people or one JSON object for programs; words on standard error. */
import { styleText } from 'node:util'
import { bigintAsText } from '../json.ts'

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, bigintAsText)}\n`)
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** For people only: never part of a result. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A text of somebody else's, as a terminal may have it: what moves the cursor or writes elsewhere is left out. */
export function plainText(text: string): string {
  return text.replace(/(?![\n\t\u200d])[\p{Cc}\p{Cf}]/gu, '')
}

/** Columns padded to their widest cell; colours do not count. */
export function table(rows: readonly (readonly string[])[], head?: readonly string[]): string {
  const all = head ? [head, ...rows] : rows
  const widths: number[] = []
  for (const row of all) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, visible(cell))
    }
  }
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(widths[column]! - visible(cell)))
      .join('  ')
      .trimEnd(),
  )
  if (head) lines[0] = styleText('dim', lines[0]!)
  return lines.join('\n')
}

/** `0x1234…abcd`, short enough for a line and long enough to tell apart. */
export function short(hex: string): string {
  return hex.length > 16 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : hex
}

function visible(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences.
  return [...text.replace(/\x1b\[[0-9;]*m/g, '')].length
}
