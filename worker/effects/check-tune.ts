/**
 * Checks a fine-tune. Segments drawn by the beacon are trained again from the worker's own committed state and must end
 * in the same bits; sampled rows of the gradient index are computed again; and all that follows from published numbers
 * (curvature, rows, both roots) is worked out afresh.
 */
import { Adapter } from '../../protocol/adapter.ts'
import type { Claim } from '../../protocol/claim.ts'
import { indexesRoot } from '../../protocol/evidence.ts'
import { type Hash, keccak } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { random, sample } from '../../protocol/prng.ts'
import { bestState, endsEarly } from '../../protocol/tuning.ts'
import { checkFeatures, checkIndex, checkSpanIndex, rowsToCheck } from '../attribution/check.ts'
import { decodeRows } from '../attribution/influence.ts'
import type { ContentStore } from '../storage/content.ts'
import { excuse, type Finding, fail, pass } from './finding.ts'
import type { Knowledge } from './knowledge.ts'
import {
  decodeState,
  featuresOf,
  heldOutLoss,
  prepareRun,
  type Run,
  stateHash,
  statesRoot,
  trainSteps,
  unitsOf,
} from './tuning.ts'

/** Segments that one auditor repeats; three auditors draw theirs apart from each other. */
const CHECKED_SEGMENTS = 1
/** A mean of float32 losses, added up in the same order: equal but for the decimal form. */
const LOSS_TOLERANCE = 1e-6

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
  return excuse(run, await repeat(knowledge, content, run, document, beacon, signal))
}

/** The part that runs the model again. */
async function repeat(
  knowledge: Knowledge,
  content: ContentStore,
  run: Run,
  document: Adapter,
  beacon: Uint8Array,
  signal: AbortSignal,
): Promise<Finding> {
  const segments = await checkSegments(run, content, document, beacon, signal)
  if (segments.verdict !== 'pass') return segments
  const theta = await knowledge.readTheta(document, run, signal)
  const { patience } = run.spec
  const chosen = patience > 0 ? bestState(document.heldOutLosses) : document.states.length - 1
  const state = await readState(run, content, document, chosen, signal)
  if (!state || !same(state.theta, theta)) return fail('adapter-differs', segments.checked)
  const indexed = await checkIndexes(knowledge, content, run, document, theta, beacon, signal)
  if (indexed.verdict !== 'pass') return indexed
  const losses = await checkLosses(run, document, theta, signal)
  return losses ?? pass(segments.checked + indexed.checked)
}

function checkForm(run: Run, job: Job, document: Adapter, claim: Claim): Finding | undefined {
  const { spec, corpus } = run
  const { states, index } = document
  if (claim.graph !== run.model.info.graphHash) return fail('wrong-graph')
  if (claim.units !== unitsOf(spec, document.losses.length)) return fail('wrong-units')
  const named = [document.jobId, document.base, document.datanet, document.spec, document.seed]
  const ordered = [claim.jobId, job.model, spec.datanet, job.input, run.seed]
  if (named.join() !== ordered.join()) return fail('wrong-input')
  if (!endsWhereItMust(run, document)) return fail('segments-differ')
  if (index.examples !== corpus.examples.length) return fail('index-differs')
  const indexes = indexesRoot(index.root, document.spans.root)
  if (claim.attribution !== indexes) return fail('wrong-commitment')
  const root = statesRoot(states.map(({ hash }) => hash))
  if (claim.commitment !== root) return fail('wrong-commitment')
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

async function checkSegments(
  run: Run,
  content: ContentStore,
  document: Adapter,
  beacon: Uint8Array,
  signal: AbortSignal,
): Promise<Finding> {
  const { boundaries } = run
  const segments = document.states.length - 1
  let checked = 0
  const source = random(keccak(beacon), 'segments')
  for (const segment of sample(CHECKED_SEGMENTS, segments, source)) {
    const [from, to] = [boundaries[segment]!, boundaries[segment + 1]!]
    const start = await readState(run, content, document, segment, signal)
    if (!start) return fail('segments-differ', checked)
    const { state, losses } = await trainSteps(run, start, from, to, signal)
    checked += to - from
    if (stateHash(state) !== document.states[segment + 1]!.hash)
      return fail('segments-differ', checked)
    const claimed = Float32Array.from(document.losses.slice(from, to))
    if (!same(losses, claimed)) return fail('loss-differs', checked)
    for (const [place, { theta }] of [start, state].entries()) {
      const said = document.heldOutLosses[segment + place]
      if (said === undefined) break
      const found = await heldOutLoss(run, theta, signal)
      if (Math.abs(found - said) > LOSS_TOLERANCE) return fail('loss-differs', checked)
    }
  }
  return pass(checked)
}

/** The state at a boundary, where its bytes have the hash that was committed. */
async function readState(
  run: Run,
  content: ContentStore,
  document: Adapter,
  boundary: number,
  signal: AbortSignal,
) {
  const { cid, hash } = document.states[boundary]!
  const size = run.model.info.loraSize
  const bytes = await content.getFile(cid, 12 * size, { signal })
  const state = decodeState(bytes, size, run.boundaries[boundary]!)
  return stateHash(state) === hash ? state : undefined
}

/** Samples of the features are computed again; curvature, rows and both roots follow from published bytes alone. */
async function checkIndexes(
  knowledge: Knowledge,
  content: ContentStore,
  run: Run,
  document: Adapter,
  theta: Float32Array,
  beacon: Uint8Array,
  signal: AbortSignal,
): Promise<Finding> {
  const { index, spans } = document
  const own = await knowledge.index(document, run.corpus, run, run.spec.lora)
  const numbers = rowsToCheck(beacon, index.examples)
  const features = await featuresOf(run, theta, numbers, signal)
  const sampled = new Map(
    numbers.map((number, place) => [
      number,
      features.subarray(place * index.width, (place + 1) * index.width),
    ]),
  )
  if (!checkFeatures(own.features, sampled).ok) return fail('rows-differ', numbers.length)
  const bytes = await content.getFile(index.rows, index.examples * index.width, { signal })
  const rows = decodeRows(bytes, index.examples, index.width)
  if (!checkIndex(own, { ...index, rows }).ok) return fail('index-differs', numbers.length)
  const spansOk = checkSpanIndex(run.corpus.spans, spans).ok
  return spansOk ? pass(numbers.length) : fail('spans-differ', numbers.length)
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

function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}
