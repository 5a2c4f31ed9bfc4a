/** Values of the parameters by epoch. Decisions are announced ahead, so what an epoch begins with is what it ends with. */
import { PARAMETER_NAMES, type ParameterName, type ParameterValues } from './parameters.ts'

export interface ParameterChange {
  /** The first epoch in which the value counts. */
  readonly fromEpoch: number
  readonly value: number
}

/** For each parameter its changes, ascending by epoch; the first is what it was born with. */
export type ParameterHistory = Readonly<Record<ParameterName, readonly ParameterChange[]>>

export function historyOf(initial: ParameterValues): ParameterHistory {
  const entries = PARAMETER_NAMES.map((name) => [name, [{ fromEpoch: 0, value: initial[name] }]])
  return Object.fromEntries(entries)
}

/** With one change more; another from the same epoch gives way to it. */
export function withChange(
  history: ParameterHistory,
  name: ParameterName,
  change: ParameterChange,
): ParameterHistory {
  const others = history[name].filter(({ fromEpoch }) => fromEpoch !== change.fromEpoch)
  const changes = [...others, change].sort((a, b) => a.fromEpoch - b.fromEpoch)
  return { ...history, [name]: changes }
}

export function valueAt(history: ParameterHistory, name: ParameterName, epoch: number): number {
  const changes = history[name]
  const last = changes.findLast(({ fromEpoch }) => fromEpoch <= epoch)
  // Before the first there was nothing to be judged by it.
  return (last ?? changes[0]!).value
}

/** All values of an epoch. */
export function valuesAt(history: ParameterHistory, epoch: number): ParameterValues {
  const entries = PARAMETER_NAMES.map((name) => [name, valueAt(history, name, epoch)])
  return Object.fromEntries(entries)
}
