/** What a benchmark finds: figures with their bars, printed as a table and, for programs, as one line of JSON. */

export interface Figure {
  readonly name: string
  /** Undefined where it could not be measured; `note` says why. */
  readonly value: number | undefined
  readonly unit: string
  /** What the figure must reach: at least, or at most, this. */
  readonly bar?: { readonly atLeast: number } | { readonly atMost: number }
  /** Conditions, the figures behind a ratio, or why there is none. */
  readonly note?: string
}

/** A benchmark prints how far it is, and brings its figures one after the other. */
export interface Benchmark {
  readonly parts: readonly string[]
  /** @param only one of the parts; those that are not too slow where it is left out */
  run(only: string | undefined, say: (line: string) => void): AsyncIterable<Figure>
}

export function isMet({ value, bar }: Figure): boolean {
  if (bar === undefined) return true
  if (value === undefined) return false
  return 'atLeast' in bar ? value >= bar.atLeast : value <= bar.atMost
}

export function printTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    figure.value === undefined ? '–' : `${round(figure.value)} ${figure.unit}`.trim(),
    barText(figure),
    figure.bar === undefined ? '' : isMet(figure) ? 'met' : 'NOT MET',
    figure.note ?? '',
  ])
  const all = [['figure', 'value', 'bar', '', 'of which'], ...rows]
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** One line, the last that a run with `--json` prints. */
export function printJson(figures: readonly Figure[]): string {
  const plain = figures.map((figure) => ({
    name: figure.name,
    value: figure.value ?? null,
    unit: figure.unit,
    bar: barText(figure),
    ok: isMet(figure),
    ...(figure.note !== undefined && { note: figure.note }),
  }))
  return JSON.stringify({ figures: plain })
}

function barText({ bar }: Figure): string {
  if (bar === undefined) return ''
  return 'atLeast' in bar ? `≥ ${bar.atLeast}` : `≤ ${bar.atMost}`
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
