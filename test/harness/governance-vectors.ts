/** The vectors about governed parameters and the attribution threshold, for `contract-vectors.ts`. */
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import {
  faultOfChange,
  faultOfValues,
  INITIAL_VALUES,
  PARAMETER_NAMES,
  PARAMETERS,
  type ParameterValues,
} from '../../protocol/parameters.ts'
import { nextStrictness } from '../../protocol/threshold.ts'

/** In the order of `Param`, one column a property. */
export function parameters() {
  const column = (of: 'initial' | 'min' | 'max' | 'step'): number[] =>
    PARAMETER_NAMES.map((name) => PARAMETERS[name][of])
  return {
    initial: column('initial'),
    min: column('min'),
    max: column('max'),
    step: column('step'),
  }
}

/** Whole sets of values, with the error that they are refused with. */
export function parameterSets() {
  const sets: Partial<ParameterValues>[] = [
    {},
    { workerBps: 4800 },
    { workerBps: 4801 },
    { stakersBps: 0, contributorsBps: 3501 },
    { stakersBps: 0, contributorsBps: 3500 },
    { tuneStakersBps: 500 },
    { tuneStakersBps: 501 },
    { strictnessMinTenths: 30, strictnessMaxTenths: 30 },
    { strictnessMinTenths: 30, strictnessMaxTenths: 29 },
    { windowSeconds: 3599 },
    { windowSeconds: 3600 },
    { exitDelaySeconds: 4 },
    { jurySeats: 2 },
    { jurySeats: 32 },
    { minimumStakeGwei: 0 },
  ]
  return sets.map((changed) => {
    const values = { ...INITIAL_VALUES, ...changed }
    return {
      values: PARAMETER_NAMES.map((name) => values[name]),
      error: faultOfValues(values)?.error ?? '',
    }
  })
}

/** Changes about every bound and step: 0 is allowed, 1 out of bounds, 2 too large a step. */
export function parameterChanges() {
  const cases = PARAMETER_NAMES.flatMap((name, param) => {
    const { initial, min, max, step } = PARAMETERS[name]
    const values = [min - 1, min, max, max + 1, initial - step, initial + step]
    const around = [...values, initial - step - 1, initial + step + 1].filter((value) => value >= 0)
    return [...new Set(around)].map((value) => {
      const error = faultOfChange(name, initial, value)?.error
      const code = error === undefined ? 0 : error === 'OutOfBounds' ? 1 : 2
      return { param, before: initial, value, code }
    })
  })
  return {
    params: cases.map(({ param }) => param),
    befores: cases.map(({ before }) => before),
    values: cases.map(({ value }) => value),
    codes: cases.map(({ code }) => code),
  }
}

const DRAWN = 240
/** The largest that JavaScript holds exactly. */
const HUGE = Number.MAX_SAFE_INTEGER

/** One column an argument, and one of results. */
export function threshold() {
  const rows = [...extremes(), ...Array.from({ length: DRAWN }, (_, index) => drawn(index))]
  const column = (at: number): number[] => rows.map((row) => row[at]!)
  return {
    strictness: column(0),
    payees: column(1),
    answers: column(2),
    targets: column(3),
    steps: column(4),
    mins: column(5),
    maxs: column(6),
    next: rows.map(([strictness, payees, answers, target, step, min, max]) =>
      nextStrictness(strictness, payees, answers, {
        payeesTargetTenths: target,
        strictnessStepBps: step,
        strictnessMinTenths: min,
        strictnessMaxTenths: max,
      }),
    ),
  }
}

type Row = [number, number, number, number, number, number, number]

function extremes(): Row[] {
  return [
    // At the target, nothing paid, nothing answered, no target, no step.
    [1300, 50, 10, 50, 1250, 0, 50],
    [1300, 0, 10, 50, 1250, 0, 50],
    [1300, 7, 0, 50, 1250, 0, 50],
    [1300, 7, 3, 0, 1250, 0, 50],
    [1300, 99, 10, 50, 0, 0, 50],
    // Rounding would hold these.
    [0, 51, 10, 50, 1250, 0, 50],
    [1, 49, 10, 50, 1250, 0, 50],
    [1, 0, 10, 50, 1250, 0, 50],
    [7, 100, 10, 50, 1250, 0, 50],
    // Less than a payee off: nothing to mend.
    [7, 16, 3, 55, 1250, 0, 50],
    // On the bounds, beyond them, and between bounds that contradict each other.
    [5000, 100, 10, 50, 1250, 0, 50],
    [1000, 0, 10, 50, 1250, 10, 50],
    [9999, 50, 10, 50, 1250, 0, 50],
    [5, 50, 10, 50, 1250, 10, 50],
    [1300, 50, 10, 50, 1250, 40, 20],
    // Far above the target counts as twice of it.
    [1600, 100, 10, 50, 1250, 0, 50],
    [1600, 100_000, 10, 50, 1250, 0, 50],
    // A step of more than the whole.
    [1300, 0, 10, 50, 20_000, 0, 50],
    [HUGE, HUGE, HUGE, HUGE, HUGE, 0, 90_071_992_547_409],
    [HUGE, 0, HUGE, HUGE, 10_000, 0, 90_071_992_547_409],
    [1, HUGE, 1, 1, 10_000, 0, 100],
    [0, HUGE, 1, 1, 1, 0, 100],
  ]
}

function drawn(index: number): Row {
  const draw = (what: string, below: number): number =>
    Number(BigInt(keccakHash(utf8(`threshold ${index} ${what}`))) % BigInt(below))
  const answers = draw('answers', 257)
  const target = 1 + draw('target', index % 3 === 0 ? 1000 : 100)
  // Mostly about the target, where rounding matters.
  const payees = draw('payees', Math.ceil((answers * target) / 5) + 2)
  const step = draw('step', 5001)
  return [
    draw('strictness', 10_001),
    payees,
    answers,
    target,
    step,
    draw('min', 31),
    10 + draw('max', 91),
  ]
}
