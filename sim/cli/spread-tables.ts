/** Tables of how pay is spread over workers, and jobs over stake. */
import { lorenz } from '../economy/inequality.ts'
import type { Table } from './outcome.ts'

/** Both of a worker of a group, beside the mean of all: 1 is an equal share. */
export const LOAD_COLUMNS = ['stakeShare', 'loadShare']

/** The Lorenz curve of what workers were paid. */
export function payTable(incomesWei: readonly bigint[]): Table {
  const curve = lorenz(incomesWei)
  const rows = curve.map((share, step) => [step / (curve.length - 1), share])
  return { columns: ['workersShare', 'payShare'], rows }
}
