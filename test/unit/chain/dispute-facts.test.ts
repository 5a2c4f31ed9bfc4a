import { deepEqual } from 'node:assert/strict'
import { type Hash, ZERO_HASH } from '../../../protocol/hash.ts'
import type { ContractName } from '../../../worker/chain/deployment.ts'
import { readLog } from '../../../worker/chain/facts.ts'
import { Log } from '../../../worker/chain/quantities.ts'
import { account, DEPLOYMENT, logOf } from '../../harness/chain-logs.ts'

const HASH = `0x${'5e'.repeat(32)}` as Hash
const OTHER = `0x${'0f'.repeat(32)}` as Hash

function read(contract: ContractName, event: string, args: Readonly<Record<string, unknown>>) {
  const place = { blockNumber: '0x9', transactionHash: HASH, logIndex: '0x0' }
  return readLog(DEPLOYMENT, Log.parse({ ...logOf(contract, event, args), ...place }))
}

const fact = (told: object) => ({ ok: true, fact: { ...told, blockNumber: 9 } })

describe('logs of disputes as facts', () => {
  it('read a demand and how it ends', () => {
    const place = { batch: 3n, index: 7n }
    const told = { batch: 3, index: 7 }
    deepEqual(
      read('disputes', 'Demanded', { ...place, asker: account(0xab), until: 60n }),
      fact({ kind: 'demanded', ...told, asker: account(0xab), untilMs: 60_000 }),
    )
    deepEqual(read('disputes', 'Withheld', place), fact({ kind: 'withheld', ...told }))
  })

  it('read a case from the call to the verdict', () => {
    const [number, juror] = [2n, account(0xcd)]
    for (const transcript of [ZERO_HASH, OTHER]) {
      const said = { claim: HASH, transcript, challenger: account(0xab) }
      deepEqual(
        read('jury', 'CaseOpened', { number, batch: 3n, seedBlock: 12n, ...said }),
        fact({ kind: 'case-opened', number: 2, batch: 3, seedBlock: 12, ...said }),
      )
    }
    const jurors = [juror, account(0xef), juror]
    deepEqual(
      read('jury', 'JurorsDrawn', { number, jurors, commitUntil: 10n, revealUntil: 20n }),
      fact({
        kind: 'jurors-drawn',
        ...{ number: 2, jurors, commitUntilMs: 10_000, revealUntilMs: 20_000 },
      }),
    )
    deepEqual(
      read('jury', 'VerdictCommitted', { number, juror }),
      fact({ kind: 'verdict-committed', number: 2, juror }),
    )
    for (const [index, verdict] of ['pass', 'fail', 'inconclusive'].entries()) {
      deepEqual(
        read('jury', 'VerdictRevealed', { number, juror, verdict: index + 1 }),
        fact({ kind: 'verdict-revealed', number: 2, juror, verdict }),
      )
    }
    for (const [index, outcome] of ['upheld', 'dismissed', 'undecided'].entries()) {
      deepEqual(
        read('jury', 'CaseDecided', { number, outcome: index + 3, passes: 1n, fails: 6n }),
        fact({ kind: 'case-decided', number: 2, outcome, passes: 1, fails: 6 }),
      )
    }
  })

  it('drop what no juror can have said, and numbers beyond those of a batch', () => {
    const refused = { ok: false, reason: 'out-of-range' }
    const said = { number: 2n, juror: account(1), verdict: 0 }
    deepEqual(read('jury', 'VerdictRevealed', said), refused)
    const ended = { number: 2n, outcome: 2, passes: 0n, fails: 0n }
    deepEqual(read('jury', 'CaseDecided', ended), refused)
    deepEqual(read('disputes', 'Withheld', { batch: 1n, index: 2n ** 40n }), refused)
  })
})
