/** What was planned over many runs beside what happened, for reading on a terminal. */
import { ENOUGH_RUNS, type Fired, neverFired } from '../firing.ts'

export function firingTable(tallies: readonly Fired[]): string {
  const rows = tallies.map(({ name, planned, fired, times }) => [
    name,
    `${planned}`,
    `${fired}`,
    `${times}`,
    remark(planned, fired),
  ])
  const head = ['planned', 'in runs', 'happened in', 'times', '']
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]!.length)))
  const line = (row: readonly string[]) =>
    row.map((field, at) => (at % 4 === 0 ? field.padEnd(widths[at]!) : field.padStart(widths[at]!)))
  return [head, ...rows].map((row) => line(row).join('  ').trimEnd()).join('\n')
}

function remark(planned: number, fired: number): string {
  if (fired > 0) return ''
  return planned < ENOUGH_RUNS ? `too few runs to say; ${ENOUGH_RUNS} would do` : 'never happened'
}

/** A line for each that never happened. */
export function toldNeverFired(tallies: readonly Fired[]): string[] {
  return neverFired(tallies).map(
    ({ name, planned }) =>
      `${name} never happened in ${planned} runs that planned it: they have tested nothing of it`,
  )
}
