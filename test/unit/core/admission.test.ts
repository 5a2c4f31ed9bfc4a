import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import {
  MAX_AGE_MS,
  MAX_AHEAD_MS,
  MAX_ENVELOPE_BYTES,
  MAX_JOB_LIFETIME_MS,
} from '../../../protocol/params.ts'
import {
  addressNumber,
  claimEnvelope,
  council,
  GATEWAY,
  jobEnvelope,
  reasonFor,
  receive,
  STRANGER,
  signed,
  tell,
  voteEnvelope,
} from '../../harness/council.ts'
import { fineTuneReceipt } from '../../harness/embedded-chain.ts'
import { jobNumber, NOW_MS } from '../../harness/messages.ts'
import { posted } from '../../harness/settled.ts'

describe('admission', () => {
  const core = council(4)
  const job = jobEnvelope(1)
  const claim = claimEnvelope(job.digest, 1)

  it('[A1] refuses what is too large', () => {
    assert.equal(reasonFor(core, new Uint8Array(MAX_ENVELOPE_BYTES + 1)), 'too-large')
  })

  it('[A2] refuses what is malformed or not canonical', () => {
    assert.equal(reasonFor(core, Uint8Array.of(1, 2, 3)), 'malformed')
    assert.equal(reasonFor(core, Uint8Array.of(...job.bytes, 0)), 'malformed')
  })

  it('[A3] ignores a replay that is too old, and what comes from the future', () => {
    assert.equal(reasonFor(core, claim.bytes, NOW_MS + MAX_AGE_MS + 1), 'too-old')
    assert.equal(reasonFor(core, claim.bytes, NOW_MS - MAX_AHEAD_MS - 1), 'from-the-future')
  })

  it('[A3] takes an older message from a neighbour, who may hand on what was missed', () => {
    const fresh = council(4)
    const late = NOW_MS + MAX_AGE_MS + 1
    assert.equal(reasonFor(fresh, claim.bytes, late, 'gossip'), 'too-old')
    assert.equal(reasonFor(fresh, claim.bytes, late, 'reconciliation'), 'admitted')
  })

  it('[A3] refuses a job that wants to live too long, and one past its deadline', () => {
    const long = jobEnvelope(2, { deadlineMs: NOW_MS + MAX_JOB_LIFETIME_MS + 1 })
    assert.equal(reasonFor(core, long.bytes), 'malformed')
    const past = jobEnvelope(3, { deadlineMs: NOW_MS + 10 })
    assert.equal(reasonFor(core, past.bytes, NOW_MS + 11), 'too-old')
  })

  it('[A4] ignores strangers, and members who speak out of their role', () => {
    assert.equal(reasonFor(core, claimEnvelope(job.digest, STRANGER).bytes), 'stranger')
    assert.equal(reasonFor(core, claimEnvelope(job.digest, 4).bytes), 'stranger')
    const unpaid = signed({ kind: 'job', body: jobNumber(4, STRANGER) }, STRANGER)
    assert.equal(reasonFor(core, unpaid.bytes), 'stranger')
  })

  it('[A5] ignores what was said already, and what contradicts it', () => {
    const fresh = council(4)
    receive(fresh, job)
    assert.equal(reasonFor(fresh, job.bytes), 'seen')
    receive(fresh, claim)
    assert.equal(reasonFor(fresh, claim.bytes), 'seen')
    const other = claimEnvelope(job.digest, 1, 2)
    assert.equal(reasonFor(fresh, other.bytes), 'contradicts')
    // A signature was checked for it, so who made it up is not to have that for nothing.
    const madeUp = signed(other.message, 2)
    assert.equal(reasonFor(fresh, madeUp.bytes), 'bad-signature')
  })

  it('[A6] ignores a beat on a job it does not know', () => {
    const progress = { done: 1, total: 2, lossMicro: 0, state: '' } as const
    const body = { jobId: job.digest, worker: addressNumber(1), ...progress, issuedAtMs: NOW_MS }
    const beat = signed({ kind: 'beat', body }, 1)
    assert.equal(reasonFor(council(4), beat.bytes), 'unknown-job')
  })

  it('[A7] ignores a job beyond its escrow or its voucher', () => {
    assert.equal(reasonFor(core, jobEnvelope(5, { unitWei: 10n ** 17n }).bytes), 'unfunded')
    const spent = council(4)
    const fact = { kind: 'escrowed', blockNumber: 1, payer: addressNumber(GATEWAY) } as const
    const held = { balanceWei: 10n ** 18n, leavingWei: 0n, redeemedWei: 10n ** 18n }
    tell(spent, { ...fact, ...held, authorisedWei: 10n ** 18n })
    assert.equal(reasonFor(spent, job.bytes), 'unfunded')
    const further = { ...held, authorisedWei: 10n ** 19n }
    tell(spent, { ...fact, ...further, leavingWei: 10n ** 18n })
    assert.equal(reasonFor(spent, job.bytes), 'unfunded')
    tell(spent, { ...fact, ...further })
    assert.equal(reasonFor(spent, job.bytes), 'admitted')
  })

  it('[A8] refuses a voucher that the requester did not sign', () => {
    const { voucherSignature } = jobNumber(1, STRANGER)
    assert.equal(reasonFor(core, jobEnvelope(6, { voucherSignature }).bytes), 'bad-voucher')
  })

  it('[A9] refuses a message that its author did not sign', () => {
    const { message } = claimEnvelope(job.digest, 1)
    assert.equal(reasonFor(core, signed(message, STRANGER).bytes), 'bad-signature')
  })

  it('[A11] ignores a fine-tune that goes on from what nobody has checked', () => {
    const receipt = fineTuneReceipt('earlier', addressNumber(GATEWAY), 1n)
    const { output: adapter, model: base, jobId } = receipt
    const goesOn = jobEnvelope(7, { task: 'fine-tune', adapter }).bytes
    const [ignorant, settling, told] = [council(4), council(4), council(4)]
    assert.equal(reasonFor(ignorant, goesOn), 'unknown-adapter')
    assert.equal(reasonFor(ignorant, goesOn, NOW_MS, 'reconciliation'), 'unknown-adapter')
    // What it has ordered itself is in its journal before it has read the batches again.
    assert.equal(reasonFor(ignorant, goesOn, NOW_MS, 'journal'), 'admitted')
    posted(settling, [receipt])
    assert.equal(reasonFor(settling, goesOn), 'admitted')
    const owner = addressNumber(GATEWAY)
    tell(told, {
      kind: 'model-registered',
      ...{ blockNumber: 1, adapter, owner, base, jobId, batch: 1 },
    })
    assert.equal(reasonFor(told, goesOn), 'admitted')
  })

  it('changes nothing for what it does not admit', () => {
    const fresh = council(4)
    const { message } = claimEnvelope(job.digest, 1)
    for (const bytes of [signed(message, STRANGER).bytes, Uint8Array.of(7), job.bytes.slice(1)]) {
      assert.notEqual(reasonFor(fresh, bytes), 'admitted')
    }
    assert.equal(fresh.ledger.envelopes.size, 0)
  })

  it('takes a vote before its claim, and a claim before its job', () => {
    const fresh = council(4)
    assert.equal(reasonFor(fresh, voteEnvelope(claim, 5).bytes), 'admitted')
    assert.equal(reasonFor(fresh, claim.bytes), 'admitted')
    assert.equal(reasonFor(fresh, job.bytes), 'admitted')
  })
})
