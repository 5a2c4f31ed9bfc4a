/** A validator's signed verdict on a claim, after running it again. */
import { address, bytes32, oneOf, uint32, uint64 } from './fields.ts'
import { struct, type ValueOf } from './struct.ts'

const VERDICTS = ['pass', 'fail', 'inconclusive'] as const
export type Verdict = (typeof VERDICTS)[number]

/** Why a claim did not pass; `none` where it did. */
const VOTE_REASONS = [
  'none',
  'output-missing',
  'output-malformed',
  'wrong-input',
  'wrong-units',
  'wrong-graph',
  'wrong-commitment',
  'tokens-differ',
  'states-differ',
  'log-probabilities-differ',
  'segments-differ',
  'witness-differs',
  'adapter-differs',
  'rows-differ',
  'index-differs',
  'scores-differ',
  'spans-differ',
  'loss-differs',
  'not-exact',
] as const
export type VoteReason = (typeof VOTE_REASONS)[number]

export const Vote = struct('Vote', {
  jobId: bytes32,
  claim: bytes32,
  validator: address,
  verdict: oneOf(VERDICTS),
  reason: oneOf(VOTE_REASONS),
  /** Tokens, steps and rows that were computed again. */
  checked: uint32,
  /** The block whose hash, or the drand round after it, chose what to check: mined after this validator had the claim. */
  beaconBlock: uint64,
  /** `transcriptSeal` of what it saw, which it opens when all have voted. */
  seal: bytes32,
  issuedAtMs: uint64,
})
export type Vote = ValueOf<typeof Vote>
