/** What members sign, one of each kind that contracts judge, for `contract-vectors.ts`. */
import { account, cid, hash } from './vector-names.ts'

export const CLAIM = {
  jobId: hash('job'),
  worker: account('worker'),
  output: cid('output'),
  commitment: hash('commitment'),
  attribution: hash('attribution'),
  units: 12,
  graph: hash('graph'),
  issuedAtMs: 1_800_000_000_123,
}

export const VOTE = {
  jobId: hash('job'),
  claim: hash('claim'),
  validator: account('validator'),
  verdict: 'fail',
  reason: 'tokens-differ',
  checked: 7,
  beaconBlock: 99,
  seal: hash('seal'),
  issuedAtMs: 1_800_000_000_456,
}

/** Of a fine-tune, so that every field holds something. */
export const OPENING = {
  jobId: hash('job'),
  claim: hash('claim'),
  validator: account('validator'),
  transcript: hash('transcript'),
  state: hash('state'),
  path: 2,
  siblings: [hash('sibling 1'), hash('sibling 2')],
  issuedAtMs: 1_800_000_000_789,
}
