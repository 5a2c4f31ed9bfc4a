/** Bugs that the deterministic tests must find: each a change of one line of the core. */
export interface PlantedBug {
  readonly file: string
  readonly line: string
  readonly instead: string
  /** A mix of faults other than `swarm` that shows it. */
  readonly faults?: string
}

export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = {
  'an expired proposal is a contradiction': {
    file: 'coordinator-free/ledger.ts',
    line: '({ envelope: held }) => slotOf(held.message) === slot,',
    instead: '({ body }) => body.proposer === author && `${slot}`.includes(body.previous),',
  },
  'a worker that beats keeps its turn': {
    file: 'coordinator-free/assignment.ts',
    line: 'const endMs = Math.min(silentMs, stalledMs, longestMs)',
    instead: 'const endMs = Math.max(silentMs, stalledMs - stalledMs, longestMs - longestMs)',
  },
  'one vote is a quorum': {
    file: 'coordinator-free/committee.ts',
    line: 'return Math.ceil((of * QUORUM_NUMERATOR) / QUORUM_DENOMINATOR)',
    instead: 'return Math.min(1, of)',
  },
  'a settled job is taken for a new one': {
    file: 'coordinator-free/admission.ts',
    line: "if (ledger.settled.has(digest)) return refuse('ignore', 'settled')",
    instead: '',
  },
  'what nobody cleared the floor for is lost': {
    file: 'coordinator-free/payout.ts',
    line: 'else if (pool.totalWei > 0n) carries.set(adapter, pool.totalWei)',
    instead: '',
  },
  'a batch taken back stays false for ever': {
    file: 'coordinator-free/ledger.ts',
    line: 'if (number <= ledger.faulty) ledger.faulty = 0',
    instead: '',
    faults: 'judged',
  },
  'a duty that failed counts as under way': {
    file: 'coordinator-free/orders.ts',
    line: 'this.#orders.set(duty, { running: false, failures, retryAtMs: nowMs + waitMs })',
    instead: 'this.#orders.set(duty, { running: true, failures, retryAtMs: nowMs + waitMs })',
  },
  'neighbours hand over nothing': {
    file: 'coordinator-free/node.ts',
    line: 'return envelopes.slice(0, MAX_RECONCILED).map(({ bytes }) => bytes)',
    instead: 'return envelopes.slice(MAX_RECONCILED).map(({ bytes }) => bytes)',
  },
  "a payer's second fee replaces the first": {
    file: 'coordinator-free/payout.ts',
    line: 'feeWei: (held?.feeWei ?? 0n) + feeWei',
    instead: 'feeWei',
  },
  'what the chain has taken is not noted': {
    file: 'coordinator-free/ledger.ts',
    line: 'ledger.escrows.set(fact.payer, { balanceWei, leavingWei, redeemedWei, authorisedWei })',
    instead: '',
  },
}
