/**
 * What governance may move, with the bounds that it may not. `contracts/src/types/Param.sol` has the same parameters in
 * the same order, four to a group, and `contracts/src/libraries/ParamRules.sol` the same bounds; shared vectors tie them.
 */

export interface Parameter {
  readonly unit: 'seconds' | 'gwei' | 'basis points' | 'tenths' | 'batches' | 'seats'
  /** For people: what it is for. */
  readonly meaning: string
  /** What an embedded chain begins with; a deployment may begin elsewhere within the bounds. */
  readonly initial: number
  readonly min: number
  readonly max: number
  /** How far the value may move from one epoch to the next, in the same unit. */
  readonly step: number
}

/** OPEN in gwei. */
const OPEN = 1_000_000_000
const HOUR = 3600
const DAY = 24 * HOUR

/** Blocks of an embedded chain are a second apart, so a wait of one second is the least that means anything. */
const LEAST_SECONDS = 1

export const PARAMETERS = {
  // Longer than a week, and workers wait for their pay for no gain in safety.
  windowSeconds: seconds(
    [4, LEAST_SECONDS, 7 * DAY, 6 * HOUR],
    'between the posting of a batch and its end',
  ),
  // Never nothing, or a false batch costs its proposer nothing; beyond 1,000 OPEN only the rich could propose.
  batchBondGwei: gwei([0.1, 0.001, 1000, 10], 'what the proposer of a batch puts up'),
  // 1,250 is an eighth, as the base fee moves; 0 holds the threshold where it is; above a half it would swing.
  strictnessStepBps: share(
    [1250, 0, 5000, 1250],
    'how far one batch moves the attribution threshold',
  ),
  // At least in each; and a payer's voucher must not grow over a thousand batches unredeemed.
  collectionBatches: {
    unit: 'batches',
    meaning: 'fees are collected from escrow once in so many',
    ...{ initial: 1, min: 1, max: 1000, step: 10 },
  },

  // One node must cost something, and must not be for the rich alone.
  minimumStakeGwei: gwei([1, 0.01, 100_000, 100], 'least stake of a node'),
  // Longer than the window (a rule below); more than a month would be captivity.
  exitDelaySeconds: seconds(
    [HOUR, 2, 30 * DAY, DAY],
    'between the request to leave and the return of a stake',
  ),
  // A contradiction proves itself, so all of a stake may be taken for it, and never nothing.
  equivocationSlashBps: share(
    [1000, 1, 10_000, 1000],
    'of a stake, for two contradicting statements',
  ),
  // Whoever stands for what is wrong may have erred: half at the most. At a twentieth, a ring whose stake lies in many small nodes
  // gained by passing answers unseen: only the few that had the seats are slashed.
  endorserSlashBps: share(
    [1500, 1, 5000, 500],
    'of a stake, for standing for a batch that is proven wrong',
  ),

  // None may take all. Whoever an answer cannot do without is never starved: a tenth for those who work and those whose
  // data it is, a hundredth for those who check.
  workerBps: share([4500, 1000, 9000, 500], 'of the fee of an answer: its worker'),
  validatorsBps: share([1000, 100, 5000, 500], 'of the fee of an answer: its validators'),
  modelOwnerBps: share([1000, 0, 5000, 500], 'of the fee of an answer: the owner of its model'),
  contributorsBps: share(
    [3000, 1000, 8000, 500],
    'of the fee of an answer: those whose data shaped it',
  ),

  stakersBps: share([200, 0, 2000, 200], 'of the fee of an answer: all who stake'),
  tuneWorkerBps: share([8000, 1000, 9500, 500], 'of the fee of a fine-tune: its worker'),
  tuneValidatorsBps: share([1500, 100, 5000, 500], 'of the fee of a fine-tune: its validators'),
  tuneStakersBps: share([200, 0, 2000, 200], 'of the fee of a fine-tune: all who stake'),

  // Above three standard deviations of noise as the least, true contributors would fall below it;
  strictnessMinTenths: tenths(
    [0, 0, 30, 5],
    'lower bound of the attribution threshold, in deviations',
  ),
  // above ten nobody would be paid.
  strictnessMaxTenths: tenths(
    [50, 10, 100, 10],
    'upper bound of the attribution threshold, in deviations',
  ),
  // From a payee in ten answers to a hundred an answer.
  payeesTargetTenths: tenths(
    [50, 1, 1000, 20],
    'contributors paid an answer that the threshold aims at',
  ),
  // At least half of what is taken is burned, so that nobody gains by reporting himself.
  reporterBps: share([3000, 0, 5000, 1000], 'of what is slashed: whoever proved the fault'),

  // Never nothing, or challenges are free delay; beyond 1,000 OPEN a wrong result would be safe.
  challengeBondGwei: gwei([0.5, 0.001, 1000, 10], 'what a challenger puts up'),
  // Fewer than three have no majority; more than 31 do not fit one transaction well.
  jurySeats: {
    unit: 'seats',
    meaning: 'jurors drawn for a dispute',
    ...{ initial: 7, min: 3, max: 31, step: 4 },
  },
  commitSeconds: seconds([120, LEAST_SECONDS, DAY, HOUR], 'for jurors to commit to a verdict'),
  revealSeconds: seconds([120, LEAST_SECONDS, DAY, HOUR], 'for jurors to reveal it'),

  answerSeconds: seconds([300, LEAST_SECONDS, 7 * DAY, 6 * HOUR], 'for the accused to answer'),
  // May be nothing: the checks at the door stand without it.
  contributionBondGwei: gwei([0.01, 0, 100, 1], 'what a contributor puts up for a contribution'),
  reviewSeconds: seconds(
    [600, LEAST_SECONDS, 30 * DAY, DAY],
    'during which a contribution may be contested',
  ),
  reviewSlashBps: share(
    [5000, 0, 10_000, 1000],
    'of the bond of a contribution that is thrown out',
  ),
} as const satisfies Record<string, Parameter>

export type ParameterName = keyof typeof PARAMETERS
export type ParameterValues = Readonly<Record<ParameterName, number>>

/** In the order of `Param.sol`. */
export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[]

export const INITIAL_VALUES: ParameterValues = Object.fromEntries(
  PARAMETER_NAMES.map((name) => [name, PARAMETERS[name].initial]),
) as ParameterValues

/** An epoch of an embedded chain, in seconds: a change, which waits for one or two, is seen within half a minute. */
export const EPOCH_SECONDS = 10
/** From a decision to its effect: the epoch that runs and a whole one after it. */
export const NOTICE_EPOCHS = 2

/** Number of the epoch of a moment, as `Params.sol` counts. */
export function epochOf(timestampMs: number, epochSeconds: number): number {
  return Math.floor(timestampMs / 1000 / epochSeconds)
}

/** Why a set of values, or a change, is refused: the contract's error, with what a person must know. */
export interface ParameterFault {
  readonly error:
    | 'OutOfBounds'
    | 'StepTooLarge'
    | 'SharesOverWhole'
    | 'MinimumOverMaximum'
    | 'ExitBeforeWindow'
  readonly message: string
}

const WHOLE_BPS = 10_000

/** What `name` may not become in the epoch after one in which it was `before`; `undefined` where it may. */
export function faultOfChange(
  name: ParameterName,
  before: number,
  value: number,
): ParameterFault | undefined {
  const { min, max, step, unit } = PARAMETERS[name]
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const message = `${name} must be a whole number from ${min} to ${max} ${unit}, not ${value}`
    return { error: 'OutOfBounds', message }
  }
  if (Math.abs(value - before) <= step) return undefined
  const message = `${name} is ${before} ${unit} and may move by ${step} at a time, not to ${value}`
  return { error: 'StepTooLarge', message }
}

/** What is wrong with these values as a whole; `undefined` where nothing is. */
export function faultOfValues(values: ParameterValues): ParameterFault | undefined {
  for (const name of PARAMETER_NAMES) {
    const fault = faultOfChange(name, values[name], values[name])
    if (fault) return fault
  }
  const { windowSeconds, exitDelaySeconds, strictnessMinTenths, strictnessMaxTenths } = values
  const { workerBps, validatorsBps, modelOwnerBps, contributorsBps, stakersBps } = values
  const { tuneWorkerBps, tuneValidatorsBps, tuneStakersBps } = values
  const answer = workerBps + validatorsBps + modelOwnerBps + contributorsBps + stakersBps
  const tune = tuneWorkerBps + tuneValidatorsBps + tuneStakersBps
  for (const [what, sum] of [['an answer', answer] as const, ['a fine-tune', tune] as const]) {
    if (sum <= WHOLE_BPS) continue
    const message = `the shares of the fee of ${what} come to ${sum} basis points of ${WHOLE_BPS}`
    return { error: 'SharesOverWhole', message }
  }
  if (strictnessMinTenths > strictnessMaxTenths) {
    const message = `strictnessMinTenths (${strictnessMinTenths}) is above strictnessMaxTenths (${strictnessMaxTenths})`
    return { error: 'MinimumOverMaximum', message }
  }
  // Whoever stands for a batch must still be held when its window ends.
  if (exitDelaySeconds <= windowSeconds) {
    const message = `exitDelaySeconds (${exitDelaySeconds}) must be longer than windowSeconds (${windowSeconds})`
    return { error: 'ExitBeforeWindow', message }
  }
  return undefined
}

/** Initial value, least, most, and step. */
type Numbers = readonly [initial: number, min: number, max: number, step: number]

function seconds([initial, min, max, step]: Numbers, meaning: string) {
  return { unit: 'seconds', meaning, initial, min, max, step } as const
}

/** Amounts are given in OPEN. */
function gwei(numbers: Numbers, meaning: string) {
  const [initial, min, max, step] = numbers.map((open) => Math.round(open * OPEN))
  return { unit: 'gwei', meaning, initial: initial!, min: min!, max: max!, step: step! } as const
}

function share([initial, min, max, step]: Numbers, meaning: string) {
  return { unit: 'basis points', meaning, initial, min, max, step } as const
}

function tenths([initial, min, max, step]: Numbers, meaning: string) {
  return { unit: 'tenths', meaning, initial, min, max, step } as const
}
