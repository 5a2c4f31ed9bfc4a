/** Executes a fine-tune job: train segment by segment, index the gradients, and publish all that a checker needs. */
import type { Result } from '../../coordinator-free/events.ts'
import { Adapter, boundariesOf } from '../../protocol/adapter.ts'
import { indexesRoot } from '../../protocol/evidence.ts'
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { unitsOf } from '../../protocol/tuning.ts'
import { boundariesRoot } from '../../protocol/witness.ts'
import { encodeFeatures } from '../attribution/features.ts'
import { encodeRows } from '../attribution/influence.ts'
import { ADAPTER_WEIGHTS_FILE, writeAdapter } from '../engine/files/adapters.ts'
import { ADAPTER_CONFIG_FILE } from '../engine/files/peft-config.ts'
import type { ContentStore } from '../storage/content.ts'
import { indexFeatures } from './indexing.ts'
import type { Knowledge } from './knowledge.ts'
import type { TuneProgress } from './tune-journal.ts'
import { trainSegments } from './tune-segments.ts'
import { featuresOf, heldOutLoss, prepareRun, type Run } from './tuning.ts'

export interface TuneHooks {
  readonly signal: AbortSignal
  /** Examples trained on and then indexed, of so many in all: either takes about as long. Loss of the newest step in nats. */
  readonly onProgress: (done: number, total: number, loss: number) => void
  /** A `Progress` document is stored. */
  readonly onStored?: (progress: Cid) => void
  /** What another worker has done of the run, where that is true and more states than so many. */
  readonly takeOver?: (run: Run, states: number) => Promise<TuneProgress | undefined>
}

export async function executeTune(
  knowledge: Knowledge,
  content: ContentStore,
  jobId: Hash,
  job: Job,
  seed: Hash,
  { signal, onProgress, onStored, takeOver }: TuneHooks,
): Promise<Result> {
  const run = await prepareRun(knowledge, content, job, seed, signal)
  const { steps, batchExamples } = run.spec
  const firstStep = run.initial.step
  const toTrain = steps * batchExamples
  const total = toTrain + run.corpus.examples.length
  const { theta, progress } = await trainSegments(run, content, knowledge.tunes, jobId, {
    signal,
    onStep: ({ step, loss }) => onProgress((step - firstStep) * batchExamples, total, loss),
    onStored,
    takeOver,
  })
  const { states, seals, losses, heldOutLosses } = progress
  const last = losses.at(-1) ?? 0
  const numbers = run.corpus.examples.map((_, number) => number)
  const features = await featuresOf(run, theta, numbers, signal, (done) =>
    onProgress(toTrain + done, total, last),
  )
  const { index, scoring } = await indexFeatures(features, run.corpus)
  const document: Adapter = {
    jobId,
    base: job.model,
    datanet: run.spec.datanet,
    spec: job.input,
    parent: job.adapter,
    firstStep,
    seed: run.seed,
    files: await putAdapter(run, content, theta, job.model),
    states,
    seals,
    losses,
    heldOutLosses,
    heldOutLossBefore: await heldOutLoss(run, undefined, signal),
    heldOutLossAfter: await heldOutLoss(run, theta, signal),
    index: {
      features: await content.putFile(encodeFeatures(features)),
      rows: await content.putFile(encodeRows(index.rows)),
      root: index.root,
      examples: index.examples,
      width: index.curvature.width,
      columns: index.curvature.shape.columns,
      damping: index.curvature.damping,
      cap: index.curvature.cap,
      scale: index.curvature.scale,
      duplicates: [...index.duplicates],
    },
    spans: run.corpus.spans,
  }
  const output = await content.put(Adapter, document)
  await knowledge.keepScoring(output, scoring)
  knowledge.tunes.forget(jobId)
  return {
    output,
    commitment: boundariesRoot(boundariesOf(document)),
    attribution: indexesRoot(index.root, run.corpus.spans.root),
    units: unitsOf(run.spec, losses.length),
    graph: run.model.info.graphHash,
  }
}

async function putAdapter(
  run: Run,
  content: ContentStore,
  theta: Float32Array,
  base: Cid,
): Promise<Cid> {
  const files = writeAdapter(
    run.model.info.config,
    { lora: run.spec.lora, theta },
    `ipfs://${base}`,
  )
  return content.putFiles([
    { name: ADAPTER_CONFIG_FILE, content: files.config },
    { name: ADAPTER_WEIGHTS_FILE, content: files.weights },
  ])
}
