/** Executes a fine-tune job: train segment by segment, index the gradients, and publish all that a checker needs. */
import type { Result } from '../../coordinator-free/events.ts'
import { Adapter } from '../../protocol/adapter.ts'
import type { Cid } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { encodeFeatures, encodeRows } from '../attribution/influence.ts'
import { ADAPTER_WEIGHTS_FILE, writeAdapter } from '../engine/adapters.ts'
import type { TrainingState } from '../engine/lora.ts'
import { ADAPTER_CONFIG_FILE } from '../engine/peft-config.ts'
import type { ContentStore } from '../storage/content.ts'
import { indexFeatures } from './indexing.ts'
import type { Knowledge } from './knowledge.ts'
import {
  encodeState,
  featuresOf,
  heldOutLoss,
  prepareRun,
  type Run,
  stateHash,
  statesRoot,
  trainSteps,
} from './tuning.ts'

export interface TuneHooks {
  readonly signal: AbortSignal
  /** Steps and indexed examples done, of so many; loss of the newest step in nats. */
  readonly onProgress: (done: number, total: number, loss: number) => void
}

export async function executeTune(
  knowledge: Knowledge,
  content: ContentStore,
  jobId: Hash,
  job: Job,
  seed: Hash,
  { signal, onProgress }: TuneHooks,
): Promise<Result> {
  const run = await prepareRun(knowledge, content, job, seed, signal)
  const { steps } = run.spec
  const total = steps + run.corpus.examples.length
  const trained = await train(run, content, signal, (step, loss) => onProgress(step, total, loss))
  const { theta } = trained.final
  const last = trained.losses.at(-1) ?? 0
  const numbers = run.corpus.examples.map((_, number) => number)
  const features = await featuresOf(run, theta, numbers, signal, (done) =>
    onProgress(steps + done, total, last),
  )
  const index = await indexFeatures(features, run.corpus.examples, run.spec.lora)
  const document: Adapter = {
    jobId,
    base: job.model,
    datanet: run.spec.datanet,
    spec: job.input,
    seed,
    files: await putAdapter(run, content, theta, job.model),
    states: trained.states,
    losses: trained.losses,
    heldOutLossBefore: await heldOutLoss(run, undefined, signal),
    heldOutLossAfter: await heldOutLoss(run, theta, signal),
    index: {
      features: await content.putFile(encodeFeatures(features)),
      rows: await content.putFile(encodeRows(index.rows)),
      root: index.root,
      examples: index.examples,
      width: index.curvature.width,
      damping: index.curvature.damping,
      cap: index.curvature.cap,
      scale: index.curvature.scale,
    },
    spans: run.corpus.spans,
  }
  return {
    output: await content.put(Adapter, document),
    commitment: statesRoot(trained.states.map(({ hash }) => hash)),
    attribution: index.root,
    units: run.units,
    graph: run.model.info.graphHash,
  }
}

interface Training {
  readonly final: TrainingState
  readonly states: { readonly hash: Hash; readonly cid: Cid }[]
  readonly losses: number[]
}

/** Goes through all segments; the state before the first and after each is stored and hashed. */
async function train(
  run: Run,
  content: ContentStore,
  signal: AbortSignal,
  onStep: (step: number, loss: number) => void,
): Promise<Training> {
  const store = async (state: TrainingState) => {
    return { hash: stateHash(state), cid: await content.putFile(encodeState(state)) }
  }
  let state = run.initial
  const states = [await store(state)]
  const losses: number[] = []
  for (const [segment, from] of run.boundaries.slice(0, -1).entries()) {
    const to = run.boundaries[segment + 1]!
    const trained = await trainSteps(run, state, from, to, signal, onStep)
    state = trained.state
    states.push(await store(state))
    losses.push(...trained.losses)
  }
  return { final: state, states, losses }
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
