/** The distributions that a study keeps: those that two studies can be compared by. */
import { type Distribution, distributionOf } from './distributions.ts'
import type { Table } from './outcome.ts'
import type { Results } from './results.ts'

export const KINDS = {
  delay: { title: 'Time to a delivery', unit: 'ms' },
  upload: { title: 'Upload a node', unit: 'B/s' },
  settled: { title: 'Time to a settled job', unit: 's' },
} as const
export type Kind = keyof typeof KINDS

/** Those of an arm over these seeds, as far as its tables were kept. */
export function distributionsOf(
  { tables, study }: Results,
  arm: number,
  seeds: readonly number[],
): Map<Kind, Distribution> {
  const { reach, upload, seconds } = tables
  const of = (table: Table) => ({
    ...table,
    rows: table.rows.filter((row) => row[0] === arm && seeds.includes(row[1]!)),
  })
  const masses = new Map<Kind, [at: number, mass: number][]>()
  if (reach) masses.set('delay', steps(of(reach), 'afterMs', 'share'))
  if (upload) {
    const at = upload.columns.indexOf('bytesPerSecond')
    masses.set(
      'upload',
      of(upload).rows.map((row) => [row[at]!, 1]),
    )
  }
  if (seconds && study.depth === 'protocol') {
    masses.set('settled', steps(of(seconds), 'atSeconds', 'settled'))
  }
  // A kind of which nothing happened, such as no delivery at all, has no distribution.
  const found = [...masses].filter(([, of]) => of.some(([, mass]) => mass > 0))
  return new Map(found.map(([kind, of]) => [kind, distributionOf(of)]))
}

/** By how much a rising curve of each seed rises, and where. */
function steps(table: Table, xName: string, yName: string): [at: number, mass: number][] {
  const [x, y] = [table.columns.indexOf(xName), table.columns.indexOf(yName)]
  const last = new Map<number, number>()
  return table.rows.map((row) => {
    const before = last.get(row[1]!) ?? 0
    last.set(row[1]!, row[y]!)
    return [row[x]!, row[y]! - before]
  })
}
