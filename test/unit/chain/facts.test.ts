import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { Hash } from '../../../protocol/hash.ts'
import { FACT_TOPICS, readLog } from '../../../worker/chain/facts.ts'
import { Log } from '../../../worker/chain/quantities.ts'
import { account, DEPLOYMENT, logOf } from '../../harness/chain-logs.ts'
import type { FakeLog } from '../../harness/fake-chain.ts'

const CID = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const HASH = `0x${'5e'.repeat(32)}` as Hash

/** As the RPC would hand the log over. */
function read(log: FakeLog) {
  const place = { blockNumber: '0x9', transactionHash: HASH, logIndex: '0x0' }
  return readLog(DEPLOYMENT, Log.parse({ ...log, ...place }))
}

const HEADER = {
  number: 3n,
  epoch: 5n,
  proposer: account(3),
  receiptsRoot: HASH,
  receiptCount: 2,
  feeWei: 1000n,
  charges: HASH,
  collectedWei: 1500n,
  openWei: 0n,
  payoutRoot: HASH,
  strictness: 1300,
  answers: 7,
  payees: 8,
  data: CID,
  availability: 'eigenda/0x01',
}

describe('logs as facts', () => {
  it('reads a stake with its roles', () => {
    const log = logOf('stakeVault', 'Staked', {
      node: account(0xab),
      owner: account(0xcd),
      roles: 6n,
      stakeWei: 5n,
    })
    deepEqual(read(log), {
      ok: true,
      fact: {
        kind: 'staked',
        blockNumber: 9,
        node: account(0xab),
        owner: account(0xcd),
        roles: ['validator', 'gateway'],
        stakeWei: 5n,
      },
    })
  })

  it('reads an exit', () => {
    const log = logOf('stakeVault', 'ExitRequested', { node: account(1), exitAt: 5n })
    deepEqual(read(log), {
      ok: true,
      fact: { kind: 'exiting', blockNumber: 9, node: account(1) },
    })
  })

  it('reads an escrow account', () => {
    const amounts = { balanceWei: 1n, leavingWei: 4n, redeemedWei: 2n, authorisedWei: 3n }
    const log = logOf('feeEscrow', 'Escrowed', { payer: account(1), ...amounts })
    deepEqual(read(log), {
      ok: true,
      fact: { kind: 'escrowed', blockNumber: 9, payer: account(1), ...amounts },
    })
  })

  it('reads a datanet version', () => {
    const log = logOf('datanetRegistry', 'VersionPublished', {
      datanetId: 4n,
      version: 2n,
      operator: account(1),
      root: HASH,
      contributionCount: 77,
      totalBytes: 1000n,
      manifest: CID,
      licence: 'MIT',
      availability: '',
    })
    deepEqual(read(log), {
      ok: true,
      fact: {
        kind: 'datanet-published',
        blockNumber: 9,
        datanetId: 4,
        version: 2,
        root: HASH,
        count: 77,
        manifest: CID,
        operator: account(1),
      },
    })
  })

  it('reads a registered model', () => {
    const names = { adapter: CID, base: `${CID}a` }
    const log = logOf('modelRegistry', 'ModelRegistered', {
      ...names,
      owner: account(1),
      jobId: HASH,
      batch: 1n,
    })
    deepEqual(read(log), {
      ok: true,
      fact: {
        kind: 'model-registered',
        blockNumber: 9,
        ...names,
        owner: account(1),
        jobId: HASH,
      },
    })
  })

  it('reads what a batch has collected from a payer', () => {
    const amounts = { redeemedWei: 5n, authorisedWei: 9n }
    deepEqual(read(logOf('feeEscrow', 'Redeemed', { payer: account(1), ...amounts })), {
      ok: true,
      fact: { kind: 'redeemed', blockNumber: 9, payer: account(1), ...amounts },
    })
  })

  it('reads that a batch is false, was taken back, and its charges given back', () => {
    const headerHash = HASH
    const accuser = account(2)
    for (const [name, args, fact] of [
      ['BatchFaulted', { number: 3n, accuser }, { kind: 'batch-faulted', number: 3 }],
      ['BatchVoided', { number: 3n, headerHash }, { kind: 'batch-voided', number: 3, headerHash }],
      ['ChargesReturned', { headerHash, amountWei: 1n }, { kind: 'charges-returned', headerHash }],
    ] as const) {
      deepEqual(read(logOf('resultLedger', name, args)), {
        ok: true,
        fact: { ...fact, blockNumber: 9 },
      })
    }
  })

  it('takes a key that another has followed for out of service', () => {
    const log = logOf('stakeVault', 'Rotated', { node: account(1), heir: account(2) })
    const fact = { kind: 'exiting', blockNumber: 9, node: account(1) }
    deepEqual(read(log), { ok: true, fact })
  })

  it('reads a posted and a final batch', () => {
    const posted = logOf('resultLedger', 'BatchPosted', {
      number: 3n,
      header: HEADER,
      finalAt: 1_800_000_000n,
    })
    deepEqual(read(posted), {
      ok: true,
      fact: {
        kind: 'batch-posted',
        blockNumber: 9,
        header: { ...HEADER, number: 3, epoch: 5 },
        finalAtMs: 1_800_000_000_000,
        txHash: HASH,
      },
    })
    deepEqual(read(logOf('resultLedger', 'BatchFinal', { number: 3n })), {
      ok: true,
      fact: { kind: 'batch-final', blockNumber: 9, number: 3, txHash: HASH },
    })
  })

  it('reads a claim', () => {
    const log = logOf('payout', 'Claimed', {
      account: account(1),
      amountWei: 3n,
      cumulativeWei: 9n,
    })
    deepEqual(read(log), {
      ok: true,
      fact: { kind: 'claimed', blockNumber: 9, account: account(1), amountWei: 3n, txHash: HASH },
    })
  })

  it('reads a parameter that governance has set', () => {
    const set = { param: 5, value: 7200n, fromEpoch: 12n }
    deepEqual(read(logOf('params', 'ParamSet', set)), {
      ok: true,
      fact: {
        kind: 'param-set',
        blockNumber: 9,
        param: 'exitDelaySeconds',
        value: 7200,
        fromEpoch: 12,
      },
    })
    const refused = { ok: false, reason: 'out-of-range' }
    deepEqual(read(logOf('params', 'ParamSet', { ...set, param: 28 })), refused)
    deepEqual(read(logOf('params', 'ParamSet', { ...set, value: 2n ** 64n - 1n })), refused)
  })

  it('drops content ids that are none, however long', () => {
    for (const manifest of ['', 'Qm123', `${CID}\0`, '<script>', 'b'.repeat(100_000), '\ufffd']) {
      const texts = { licence: 'MIT', availability: '' }
      const args = { operator: account(1), root: HASH, contributionCount: 1, totalBytes: 1n }
      const log = logOf('datanetRegistry', 'VersionPublished', {
        datanetId: 1n,
        version: 1n,
        ...args,
        ...texts,
        manifest,
      })
      deepEqual(read(log), { ok: false, reason: 'out-of-range' }, manifest.slice(0, 20))
    }
    const header = { ...HEADER, data: 'nowhere' }
    const posted = { number: 3n, header, finalAt: 1n }
    deepEqual(read(logOf('resultLedger', 'BatchPosted', posted)), {
      ok: false,
      reason: 'out-of-range',
    })
  })

  it('drops numbers that JavaScript does not hold and amounts that the wire does not', () => {
    const huge = 2n ** 64n - 1n
    deepEqual(read(logOf('resultLedger', 'BatchFinal', { number: huge })), {
      ok: false,
      reason: 'out-of-range',
    })
    const claim = { account: account(1), amountWei: 2n ** 255n, cumulativeWei: 0n }
    deepEqual(read(logOf('payout', 'Claimed', claim)), { ok: false, reason: 'out-of-range' })
  })

  it('drops logs of other contracts and events that are no facts', () => {
    const claim = logOf('payout', 'Claimed', {
      account: account(1),
      amountWei: 1n,
      cumulativeWei: 1n,
    })
    deepEqual(read({ ...claim, address: account(0xee) }), { ok: false, reason: 'undecodable' })
    const names = { name: 'x', licence: 'MIT', bondGwei: 0n }
    const created = { datanetId: 1n, operator: account(1), ...names }
    const log = logOf('datanetRegistry', 'DatanetCreated', created)
    deepEqual(read(log), { ok: false, reason: 'undecodable' })
  })

  it('never throws, whatever bytes a log holds', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data))
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(DEPLOYMENT.addresses)),
        fc.constantFrom(...FACT_TOPICS),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 3 }),
        bytes,
        (address, topic, rest, data) => {
          const topics = [topic, ...rest.map((word) => `0x${Buffer.from(word).toString('hex')}`)]
          const result = read({ address, topics, data: `0x${data.toString('hex')}` })
          ok(result.ok || ['undecodable', 'out-of-range'].includes(result.reason))
        },
      ),
    )
  })

  it('asks for the events of facts, each by its own topic', () => {
    equal(FACT_TOPICS.length, 22)
    equal(new Set(FACT_TOPICS).size, 22)
  })
})
