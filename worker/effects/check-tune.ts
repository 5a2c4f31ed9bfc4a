/**
 * Checks a fine-tune. A segment drawn by the beacon is trained again from the worker's own committed state, must end in the
 * same bits and show the witness whose seal the worker published; sampled rows of the gradient index are computed again; and
 * all that follows from published numbers (curvature, rows, both roots) is worked out afresh.
 */
import { Adapter, boundariesOf } from '../../protocol/adapter.ts'
import type { Claim } from '../../protocol/claim.ts'
import { indexesRoot } from '../../protocol/evidence.ts'
import type { Cid } from '../../protocol/fields.ts'
import { type Hash, keccak } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { random, sample } from '../../protocol/prng.ts'
import { bestState, endsEarly, unitsOf } from '../../protocol/tuning.ts'
import type { VoteReason } from '../../protocol/vote.ts'
import { boundariesRoot, sealPlace } from '../../protocol/witness.ts'
import { checkFeatures, checkSpanIndex, rowsToCheck } from '../attribution/check.ts'
import { decodeRows } from '../attribution/influence.ts'
import type { ContentStore } from '../storage/content.ts'
import { committed, excuse, type Finding, fail, pass, unlessOfWeights } from './finding.ts'
import { auditIndex } from './indexing.ts'
import type { Knowledge } from './knowledge.ts'
import { LOSS_TOLERANCE, readState, repeatSegment, same } from './repeat-segment.ts'
import { featuresOf, heldOutLoss, prepareRun, type Run, stateHash } from './tuning.ts'

export interface CheckTuneOptions {
  readonly signal: AbortSignal
  /** Hash of the job's seed block. */
  readonly seed: Hash
  /** 32 bytes that nobody knew when the claim was made, and this validator's own. */
  readonly beacon: Uint8Array
}

export async function checkTune(
  knowledge: Knowledge,
  content: ContentStore,
  job: Job,
  claim: Claim,
  { signal, seed, beacon }: CheckTuneOptions,
): Promise<Finding> {
  const document = await content.get(Adapter, claim.output, { signal })
  const run = await prepareRun(knowledge, content, job, seed, signal)
  const formal = checkForm(run, job, document, claim)
  if (formal) return formal
  const audited = { run, output: claim.output, document, beacon }
  const repeated = repeat(knowledge, content, audited, signal)
  const found = unlessOfWeights(repeated, fail('adapter-differs'))
  return excuse(run, await committed(found, signal))
}

/** A run that was claimed, and what chooses the parts of it that are looked at. */
interface Audited {
  readonly run: Run
  readonly output: Cid
  readonly document: Adapter
  readonly beacon: Uint8Array
}

/** The part that runs the model again, over states, weights and rows that the claim commits to. */
async function repeat(
  knowledge: Knowledge,
  content: ContentStore,
  audited: Audited,
  signal: AbortSignal,
): Promise<Finding> {
  const { run, document } = audited
  const repeated = await checkSegment(content, audited, signal)
  if (repeated.verdict !== 'pass') return repeated
  const theta = await knowledge.readTheta(document, run, signal)
  const { patience } = run.spec
  const chosen = patience > 0 ? bestState(document.heldOutLosses) : document.states.length - 1
  const state = await readState(run, content, document, chosen, signal)
  if (!state || !same(state.theta, theta)) return fail('adapter-differs', repeated.checked)
  const indexed = await checkIndexes(knowledge, content, audited, theta, signal)
  if (indexed.fault) return fail(indexed.fault, indexed.checked)
  const losses = await checkLosses(run, document, theta, signal)
  return losses ?? pass(repeated.checked + indexed.checked, repeated.seen)
}

function checkForm(run: Run, job: Job, document: Adapter, claim: Claim): Finding | undefined {
  const { spec, corpus } = run
  const { states, seals, index } = document
  if (claim.graph !== run.model.info.graphHash) return fail('wrong-graph')
  if (claim.units !== unitsOf(spec, document.losses.length)) return fail('wrong-units')
  const { jobId, base, datanet, parent, firstStep, seed } = document
  const named = [jobId, base, datanet, document.spec, parent, firstStep, seed]
  const { model, input, adapter } = job
  const ordered = [claim.jobId, model, spec.datanet, input, adapter, run.initial.step, run.seed]
  if (named.join() !== ordered.join()) return fail('wrong-input')
  if (!endsWhereItMust(run, document)) return fail('segments-differ')
  if (index.examples !== corpus.examples.length) return fail('index-differs')
  const indexes = indexesRoot(index.root, document.spans.root)
  if (claim.attribution !== indexes) return fail('wrong-commitment')
  if (seals.length !== states.length - 1) return fail('segments-differ')
  if (claim.commitment !== boundariesRoot(boundariesOf(document))) return fail('wrong-commitment')
  return states[0]!.hash === stateHash(run.initial) ? undefined : fail('segments-differ')
}

/** Whether there are as many segments, steps and held-out losses as the losses themselves say. */
function endsWhereItMust(
  { spec, boundaries }: Run,
  { states, losses, heldOutLosses }: Adapter,
): boolean {
  const segments = states.length - 1
  if (losses.length !== boundaries[segments]) return false
  if (heldOutLosses.length !== (spec.patience > 0 ? states.length : 0)) return false
  const ended = boundaries
    .slice(1)
    .findIndex((_, index) => endsEarly(heldOutLosses.slice(0, index + 2), spec.patience))
  return segments === (ended === -1 ? boundaries.length - 1 : ended + 1)
}

/** One segment an auditor: three auditors draw theirs apart from each other. */
async function checkSegment(
  content: ContentStore,
  { run, document, beacon }: Audited,
  signal: AbortSignal,
): Promise<Finding> {
  const segments = document.states.length - 1
  const [segment] = sample(1, segments, random(keccak(beacon), 'segments')) as [number]
  const { checked, fault, witness } = await repeatSegment(run, content, document, segment, signal)
  if (!witness) return fail(fault ?? 'segments-differ', checked)
  const place = sealPlace(boundariesOf(document), segment)
  return pass(checked, { transcript: witness, place, isSure: false })
}

/** Samples of the features are computed again; curvature, rows and both roots follow from published bytes alone. */
async function checkIndexes(
  knowledge: Knowledge,
  content: ContentStore,
  { run, output, document, beacon }: Audited,
  theta: Float32Array,
  signal: AbortSignal,
): Promise<{ readonly checked: number; readonly fault?: VoteReason }> {
  const { index, spans } = document
  const features = await knowledge.features(document, run.corpus, run, run.spec.lora)
  const bytes = await content.getFile(index.rows, index.examples * index.width, { signal })
  const rows = decodeRows(bytes, index.examples, index.width)
  const audited = await auditIndex(features, run.corpus, { ...index, rows }, beacon)
  const numbers = [...new Set([...rowsToCheck(beacon, index.examples), ...audited.earning])]
  const sampled = await featuresOf(run, theta, numbers, signal)
  const checked = numbers.length
  if (!checkFeatures(features, sampled, numbers).ok) return { checked, fault: 'rows-differ' }
  if (!audited.checked.ok) return { checked, fault: 'index-differs' }
  if (!checkSpanIndex(run.corpus.spans, spans).ok) return { checked, fault: 'spans-differ' }
  await knowledge.keepScoring(output, audited.scoring)
  return { checked }
}

async function checkLosses(
  run: Run,
  document: Adapter,
  theta: Float32Array,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const before = await heldOutLoss(run, undefined, signal)
  const after = await heldOutLoss(run, theta, signal)
  const off =
    Math.abs(before - document.heldOutLossBefore) + Math.abs(after - document.heldOutLossAfter)
  return off > LOSS_TOLERANCE ? fail('loss-differs', run.heldOut.length) : undefined
}
