import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Envelope } from '../../../protocol/envelope.ts'
import { type Hash, keccak, utf8, ZERO_HASH } from '../../../protocol/hash.ts'
import { NOWHERE } from '../../../protocol/opening.ts'
import {
  boundariesRoot,
  type SealPlace,
  sealPlace,
  witnessOf,
  witnessSeal,
} from '../../../protocol/witness.ts'
import { checkOpenings, type Votes } from '../../../worker/receipts/openings.ts'
import {
  addressNumber,
  claimEnvelope,
  openingEnvelope,
  TRANSCRIPT,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { cidNumber, hashNumber, MESSAGES } from '../../harness/messages.ts'

const JOB = hashNumber(1)
const WORKER = 1
const witnesses = [0, 1].map((segment) => witnessOf({ jobId: JOB, segment }, keccak(utf8('steps'))))
const boundaries = {
  states: [0, 1, 2].map((boundary) => hashNumber(50 + boundary)),
  seals: witnesses.map(witnessSeal),
}
const tune = claimEnvelope(JOB, WORKER, 1, boundariesRoot(boundaries))
const answer = claimEnvelope(JOB, WORKER)

interface Told {
  readonly sealed: Hash
  readonly opened: Hash
  readonly place: SealPlace
}

const looked = (segment: number): Told => {
  const transcript = witnesses[segment]!
  return { sealed: transcript, opened: transcript, place: sealPlace(boundaries, segment) }
}
const saw = (transcript: Hash): Told => ({
  sealed: transcript,
  opened: transcript,
  place: NOWHERE,
})

/** A receipt's file, as far as it tells who looked. */
function fileOf(task: 'inference' | 'fine-tune', claim: Envelope, told: readonly Told[]): Votes {
  const passedBy = told.map((_, place) => addressNumber(VALIDATORS[place]!))
  const votes = told.map(({ sealed }, place) =>
    voteEnvelope(claim, VALIDATORS[place]!, 'pass', sealed),
  )
  const openings = told.map(({ opened, place: shown }, place) =>
    openingEnvelope(claim, VALIDATORS[place]!, opened, shown),
  )
  const wei = { feeWei: 0n, workerWei: 0n, validatorsWei: 0n, modelOwnerWei: 0n }
  return {
    chainId: MESSAGES.chainId,
    resultLedger: MESSAGES.contract,
    claim: claim.bytes,
    votes: votes.map(({ bytes }) => bytes),
    openings: openings.map(({ bytes }) => bytes),
    receipt: {
      ...{ jobId: JOB, task, claim: claim.digest, passedBy, failedBy: [], units: 1 },
      ...{ requester: addressNumber(20), worker: addressNumber(WORKER), model: cidNumber(1) },
      ...{ adapter: '', output: cidNumber(2), attribution: ZERO_HASH },
      ...{ ...wei, contributorsWei: 0n, stakersWei: 0n, treasuryWei: 0n },
    },
  }
}

describe("a receipt's openings", () => {
  it('show that each who passed a fine-tune trained a segment of it', () => {
    const { ok, detail } = checkOpenings(fileOf('fine-tune', tune, [looked(0), looked(1)]))
    assert.equal(ok, true)
    assert.equal(detail, '2 of 2 witnesses sealed in the claim')
  })

  it('show who made up a witness, opened another than it sealed, or opened none', () => {
    const guessed = { ...looked(1), sealed: TRANSCRIPT, opened: TRANSCRIPT }
    const copied = { ...looked(0), sealed: TRANSCRIPT }
    for (const wrong of [guessed, copied, saw(witnesses[1]!)]) {
      assert.equal(checkOpenings(fileOf('fine-tune', tune, [looked(0), wrong])).ok, false)
    }
    const file = fileOf('fine-tune', tune, [looked(0), looked(1)])
    assert.equal(checkOpenings({ ...file, openings: file.openings.slice(1) }).ok, false)
    assert.equal(checkOpenings({ ...file, claim: answer.bytes }).ok, false)
    assert.equal(checkOpenings(fileOf('fine-tune', tune, [])).ok, false)
  })

  it('agree where all who passed an answer looked', () => {
    const same = [saw(TRANSCRIPT), saw(TRANSCRIPT)]
    assert.equal(checkOpenings(fileOf('inference', answer, same)).ok, true)
    const other = [saw(TRANSCRIPT), saw(hashNumber(9))]
    assert.equal(checkOpenings(fileOf('inference', answer, other)).ok, false)
  })
})
