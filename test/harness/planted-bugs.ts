/** Bugs that the deterministic tests must find: each a change of one line of the core. */
export interface PlantedBug {
  readonly file: string
  readonly line: string
  readonly instead: string
  /** A mix of faults other than `swarm` that shows it. */
  readonly faults?: string
}

export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = {
  'a worker that only beats keeps its turn': {
    file: 'coordinator-free/assignment.ts',
    line: 'const endMs = Math.min(silentMs, stalledMs, longestMs)',
    instead: 'const endMs = Math.max(silentMs, stalledMs - stalledMs, longestMs - longestMs)',
  },
  'one vote is a quorum': {
    file: 'coordinator-free/committee.ts',
    line: 'return Math.ceil((of * QUORUM_NUMERATOR) / QUORUM_DENOMINATOR)',
    instead: 'return Math.min(1, of)',
  },
  'a batch taken back stays false for ever': {
    file: 'coordinator-free/posted.ts',
    line: 'if (number <= ledger.faulty) ledger.faulty = 0',
    instead: '',
    faults: 'judged',
  },
  'neighbours hand over nothing': {
    file: 'coordinator-free/reconciliation.ts',
    line: 'return envelopes.slice(0, MAX_RECONCILED).map(({ bytes }) => bytes)',
    instead: 'return envelopes.slice(MAX_RECONCILED).map(({ bytes }) => bytes)',
  },
  'what was said twice counts for whoever heard it first': {
    file: 'coordinator-free/committee.ts',
    line: 'const vote = struck?.has(node) ? undefined : cast?.get(node)',
    instead: 'const vote = cast?.get(node)',
    faults: 'rogues',
  },
  'passes that nobody can prove hold the turn': {
    file: 'coordinator-free/assignment.ts',
    line: "standing.status === 'accepted' && !isUnproven(ledger, standing, nowMs)",
    instead: "standing.status === 'accepted'",
    faults: 'unseen',
  },
  "a payer's second fee replaces the first": {
    file: 'coordinator-free/payout.ts',
    line: 'feeWei: (held?.feeWei ?? 0n) + feeWei',
    instead: 'feeWei',
  },
  'a job whose worker was voted down is given up': {
    file: 'coordinator-free/assignment.ts',
    line: "return { endMs: Math.max(fromMs, standing.decidedAtMs), end: 'rejected' }",
    instead: "return { endMs: Number.POSITIVE_INFINITY, end: 'rejected' }",
  },
  'contributors are paid twice': {
    file: 'coordinator-free/newcomers.ts',
    line: 'owed.pay(account, totalWei)',
    instead: 'owed.pay(account, 2n * totalWei)',
  },
  'a settled job may be settled again': {
    file: 'coordinator-free/posted.ts',
    line: 'untilMs: nowMs + 2 * MAX_JOB_LIFETIME_MS })\n    forgetJob(ledger, jobId)',
    instead: 'untilMs: nowMs + 2 * MAX_JOB_LIFETIME_MS })',
  },
}

/** Attacks and faults of the simulator itself that do nothing: each a change of one line of it, which `dst` must find. */
export const PLANTED_DUDS = {
  idleWorkers: {
    file: 'sim/adversaries/idle.ts',
    line: "if (kind !== 'execute') return false",
    instead: 'return false',
  },
  partition: {
    file: 'sim/network.ts',
    line: 'this.#rift = side',
    instead: '',
  },
} as const satisfies Readonly<Record<string, PlantedBug>>
