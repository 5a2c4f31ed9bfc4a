/** Tables of numbers as CSV and as Parquet, one row a sample, with arm and seed in front. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { Table } from './outcome.ts'

/** Writes NAME.csv and NAME.parquet. */
export function writeTable(folder: string, name: string, { columns, rows }: Table): void {
  writeFileSync(join(folder, `${name}.csv`), csvOf({ columns, rows }))
  const bytes = parquetWriteBuffer({
    columnData: columns.map((column, index) => ({
      name: column,
      type: 'DOUBLE',
      data: Float64Array.from(rows, (row) => row[index]!),
    })),
  })
  writeFileSync(join(folder, `${name}.parquet`), new Uint8Array(bytes))
}

export function csvOf({ columns, rows }: Table): string {
  // A value that is missing is an empty field.
  const lines = rows.map((row) =>
    row.map((value) => (Number.isNaN(value) ? '' : String(value))).join(','),
  )
  return `${[columns.join(','), ...lines].join('\n')}\n`
}

/** Reads what `csvOf` wrote: numbers only. */
export function tableOf(csv: string): Table {
  const [head = '', ...lines] = csv.trimEnd().split('\n')
  const rows = lines.map((line) =>
    line.split(',').map((field) => (field === '' ? Number.NaN : Number(field))),
  )
  return { columns: head.split(','), rows }
}
