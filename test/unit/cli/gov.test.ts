import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { InvalidArgumentError } from 'commander'
import { INITIAL_VALUES, PARAMETER_NAMES } from '../../../protocol/parameters.ts'
import type { ParameterView, ProposalView } from '../../../worker/chain/governance-views.ts'
import { ClientError } from '../../../worker/cli/client.ts'
import { collectChange, proposalLike, requireAcceptable } from '../../../worker/cli/gov-changes.ts'
import {
  nextOf,
  parametersTable,
  parameterTable,
  proposalsTable,
} from '../../../worker/cli/gov-views.ts'

const VIEWS: readonly ParameterView[] = PARAMETER_NAMES.map((param) => ({
  param,
  value: INITIAL_VALUES[param],
  announced: param === 'jurySeats' ? [{ fromEpoch: 12, value: 9 }] : [],
}))

const PROPOSAL: ProposalView = {
  ...{ id: 12_345_678_901n, state: 'active', proposer: `0x${'0a'.repeat(20)}` as never },
  changes: [{ param: 'windowSeconds', value: 8 }],
  because: 'more\x1b[2J time\nto object',
  ...{ againstWei: 0n, forWei: 5n * 10n ** 18n, abstainWei: 0n, quorumWei: 10n ** 18n },
  ...{ votesFromMs: 1000, votesUntilMs: 21_000, dueAtMs: 0 },
}

describe('what is said to tributary gov', () => {
  it('is read as changes, one parameter once', () => {
    const one = collectChange('windowSeconds=8')
    deepEqual(collectChange('jurySeats=9', one), [
      { param: 'windowSeconds', value: 8 },
      { param: 'jurySeats', value: 9 },
    ])
    throws(() => collectChange('windowSeconds=9', one), InvalidArgumentError)
  })

  it('is refused with what would be right', () => {
    const refusals: [string, RegExp][] = [
      ['window=8', /There is no parameter window\. There are: windowSeconds, /],
      ['toString=8', /There is no parameter toString/],
      ['windowSeconds=0', /from 1 to 604800 seconds, not 0/],
      ['windowSeconds=8.5', /a whole number: windowSeconds=8/],
      ['windowSeconds', /a whole number/],
      ['windowSeconds=8=9', /a whole number/],
      ['windowSeconds=-8', /a whole number/],
    ]
    for (const [text, message] of refusals) {
      throws(() => collectChange(text), { code: 'commander.invalidArgument', message })
    }
  })

  it('is compared with what the chain would say, what is announced included', () => {
    requireAcceptable(VIEWS, [{ param: 'jurySeats', value: 13 }])
    const refused = (changes: Parameters<typeof requireAcceptable>[1], message: RegExp) =>
      throws(
        () => requireAcceptable(VIEWS, changes),
        (error) => error instanceof ClientError && message.test(error.message),
      )
    refused([{ param: 'jurySeats', value: 14 }], /jurySeats is 9 seats and may move by 4/)
    refused([{ param: 'workerBps', value: 4801 }], /come to 10001 basis points/)
    requireAcceptable(VIEWS, [
      { param: 'workerBps', value: 5000 },
      { param: 'stakersBps', value: 0 },
    ])
  })

  it('names a proposal by how its number begins', () => {
    const ids = [123n, 12n, 456n]
    equal(proposalLike(ids, '4'), 456n)
    equal(proposalLike(ids, '12'), 12n)
    throws(() => proposalLike(ids, '1'), /2 proposals begin with 1: 123, 12/)
    throws(() => proposalLike(ids, '9'), /No proposal begins with 9/)
  })
})

describe('what tributary gov says', () => {
  const clock = { epochSeconds: 10, nowMs: 106_000 }

  it('is each parameter with its bounds, and what comes when', () => {
    const lines = parametersTable(VIEWS, clock).split('\n')
    equal(lines.length, 29)
    match(lines[1]!, /^windowSeconds +4 +1 +604800 +21600 +seconds$/)
    match(lines[22]!, /^jurySeats +7 +9 from epoch 12 \(in 14 s\) +3 +31 +4 +seats$/)
    match(lines[2]!, /gwei \(0\.1 OPEN\)$/)
    const one = parameterTable(VIEWS[0]!, clock)
    match(one, /for +between the posting of a batch and its end/)
    match(one, /announced +nothing/)
  })

  it('is what comes next of a proposal', () => {
    equal(nextOf(PROPOSAL, 2000), 'vote ends in 20 s')
    equal(nextOf({ ...PROPOSAL, state: 'pending' }, 1500), 'votes in 1 s')
    equal(nextOf({ ...PROPOSAL, state: 'queued', dueAtMs: 90_000_000 }, 0), 'execute it in 25 h')
    equal(nextOf({ ...PROPOSAL, state: 'queued', dueAtMs: 1 }, 2), 'execute it')
    equal(nextOf({ ...PROPOSAL, state: 'executed' }, 0), '')
  })

  it("shows a stranger's text as one line without control characters", () => {
    const line = proposalsTable([PROPOSAL], 2000).split('\n')[1]!
    match(
      line,
      /^1234567890 +active +windowSeconds=8 +5 +0 +0 +1 +vote ends in 20 s +more \[2J time to object$/,
    )
  })
})
