import { deepEqual, equal, rejects } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hash } from '../../../protocol/hash.ts'
import { type Deposit, Transfers, type Withdrawal } from '../../../worker/chain/bridge-transfers.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const hash = (digit: string) => `0x${digit.repeat(64)}` as Hash
const account = `0x${'12'.repeat(20)}` as const
const deposit: Deposit = { kind: 'deposit', txHash: hash('1'), to: account, valueWei: 10n ** 24n }
const withdrawal: Withdrawal = {
  kind: 'withdrawal',
  txHash: hash('2'),
  message: {
    nonce: 1n << 240n,
    sender: account,
    target: account,
    value: 5n,
    gasLimit: 100_000n,
    data: '0x1234',
    withdrawalHash: hash('3'),
  },
  l2Block: { number: 7n, seconds: 1_800_000_000n },
}

describe('the file of transfers', () => {
  let file: string
  beforeEach(() => {
    file = join(testFolder('transfers'), 'transfers.json')
  })
  afterEach(() => removeFolder(join(file, '..')))

  it('comes back as it was, oldest first', async () => {
    const transfers = await Transfers.load(file)
    deepEqual(transfers.all, [])
    await transfers.put({ kind: 'withdrawal', txHash: withdrawal.txHash })
    await transfers.put(deposit)
    await transfers.put(withdrawal)
    deepEqual((await Transfers.load(file)).all, [withdrawal, deposit])
  })

  it('keeps what another command has sent in the meantime', async () => {
    const waiting = await Transfers.load(file)
    await waiting.put(deposit)
    const other = await Transfers.load(file)
    await other.put(withdrawal)
    const arrived = { ...deposit, l2TxHash: hash('4') }
    await waiting.put(arrived)
    deepEqual((await Transfers.load(file)).all, [arrived, withdrawal])
  })

  it('forgets what was never sent', async () => {
    const transfers = await Transfers.load(file)
    await transfers.put(deposit)
    await transfers.remove(deposit.txHash)
    equal((await Transfers.load(file)).find(deposit.txHash), undefined)
  })

  it('is refused where it is damaged', async () => {
    writeFileSync(file, '[{"kind":"deposit"}]')
    await rejects(Transfers.load(file), { code: 'unknown-transfer', message: /move it away/ })
  })
})
