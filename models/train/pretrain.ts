/**
 * Trains the base model from scratch with the engine's full-parameter graph.
 * node_modules/.bin/node models/train/pretrain.ts --data DIR --out DIR --steps N [--decay-steps N] [--batch N] [--tokens N]
 * DIR of `--data` is corpus.ts's output. Checkpoints in `--out` every five minutes and at the end, and goes on from there
 * when started again. The learning rate is flat until `--decay-steps` before the end, then falls to zero ("WSD",
 * arXiv 2405.18392): to end a long run early, stop it and start again with smaller `--steps`.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { permutation, random } from '../../protocol/prng.ts'
import { parseConfig } from '../../worker/engine/families/known.ts'
import { fullGraph, fullLayout } from '../../worker/engine/graph/full-graph.ts'
import { hyperValues } from '../../worker/engine/graph/optimiser.ts'
import { type Feed, Session } from '../../worker/engine/session.ts'
import { CONFIG_JSON, exportModel, initialWeights } from './model.ts'

const OPTIMISER = {
  learningRate: 0.006,
  warmupSteps: 100,
  beta1: 0.95,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 0.1,
}
const PROGRESS_EVERY_MS = 10_000
const CHECKPOINT_EVERY_MS = 300_000
const SEED = keccak(utf8('brook'))

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string' },
    steps: { type: 'string' },
    'decay-steps': { type: 'string', default: '0' },
    batch: { type: 'string', default: '16' },
    tokens: { type: 'string', default: '256' },
    rate: { type: 'string', default: String(OPTIMISER.learningRate) },
    threads: { type: 'string', default: '1' },
  },
})
const data = values.data ?? fail('--data DIR is missing')
const out = values.out ?? fail('--out DIR is missing')
const steps = Number(values.steps ?? fail('--steps N is missing'))
const decaySteps = Number(values['decay-steps'])
const batch = Number(values.batch)
const tokens = Number(values.tokens)
const rate = Number(values.rate)

const config = parseConfig(CONFIG_JSON)
const layout = fullLayout(config)
const train = readTokens('train')
const heldOut = readTokens('held-out')
// The embedding's gradient rows are not added in a fixed order by several threads: only one thread can be repeated exactly.
const session = await Session.create(fullGraph(config), { threads: Number(values.threads) })
mkdirSync(out, { recursive: true })
const state = loadState()
let progress = { atMs: performance.now(), step: state.step, loss: 0, norm: 0 }
let checkpointAtMs = performance.now()
let lastStepMs = performance.now()
let epochs: { known: string; offset: number; order: Uint32Array } = {
  known: '',
  offset: 0,
  order: new Uint32Array(),
}

while (state.step < steps) {
  const { loss, norm } = await trainStep()
  progress.loss += loss
  progress.norm = Math.max(progress.norm, norm)
  const nowMs = performance.now()
  if (nowMs - progress.atMs > PROGRESS_EVERY_MS) report(nowMs)
  if (nowMs - checkpointAtMs > CHECKPOINT_EVERY_MS) {
    await checkpoint()
    checkpointAtMs = performance.now()
  }
}
await checkpoint()

async function trainStep(): Promise<{ loss: number; norm: number }> {
  const { step } = state
  const learningRate = rateAt(step)
  const hyper = [...hyperValues(OPTIMISER, learningRate, step), learningRate]
  const weights = new Float32Array(batch * tokens).fill(1 / (batch * tokens))
  const result = await run(windows(), batch, weights, hyper)
  const loss = result['losses']!.reduce((sum, value) => sum + value, 0)
  if (!Number.isFinite(loss)) fail(`the loss became ${loss} at step ${step}; lower --rate`)
  state.theta = result['next.theta']!
  state.m = result['next.m']!
  state.v = result['next.v']!
  state.step++
  state.seenTokens += batch * tokens
  state.tookMs += performance.now() - lastStepMs
  lastStepMs = performance.now()
  return { loss, norm: result['norm']![0]! }
}

function run(rows: Int32Array, rowCount: number, weights: Float32Array, hyper: readonly number[]) {
  const flat = (data: Float32Array): Feed => ({ data, shape: [layout.size] })
  const length = weights.length / rowCount
  return session.run({
    theta: flat(state.theta),
    m: flat(state.m),
    v: flat(state.v),
    hyper: { data: Float32Array.from(hyper), shape: [hyper.length] },
    tokens: { data: rows, shape: [rowCount, length + 1] },
    weights: { data: weights, shape: [rowCount, length] },
  })
}

function rateAt(step: number): number {
  const warm = Math.min(1, (step + 1) / OPTIMISER.warmupSteps)
  const left = decaySteps === 0 ? 1 : Math.min(1, (steps - step) / decaySteps)
  return rate * warm * left
}

/** Each epoch parts the text into windows at another offset and takes them in another order. */
function windows(): Int32Array {
  const perEpoch = Math.floor((train.length - tokens - 1) / tokens) - 1
  const rows = new Int32Array(batch * (tokens + 1))
  const before = Math.round(state.seenTokens / tokens)
  for (let row = 0; row < batch; row++) {
    const epoch = Math.floor((before + row) / perEpoch)
    const { offset, order } = epochOrder(epoch, perEpoch)
    const start = offset + order[(before + row) % perEpoch]! * tokens
    rows.set(train.subarray(start, start + tokens + 1), row * (tokens + 1))
  }
  return rows
}

function epochOrder(epoch: number, perEpoch: number): { offset: number; order: Uint32Array } {
  if (epochs.known !== `${epoch} ${perEpoch}`) {
    const source = random(SEED, `epoch ${epoch} of ${perEpoch}`)
    epochs = {
      known: `${epoch} ${perEpoch}`,
      offset: source.below(tokens),
      order: permutation(perEpoch, source),
    }
  }
  return epochs
}

/** Mean loss over the held-out text, in windows of the training length; the update that comes with it is thrown away. */
async function heldOutLoss(): Promise<number> {
  const count = Math.floor((heldOut.length - 1) / tokens)
  let sum = 0
  for (let row = 0; row < count; row += batch) {
    const rows = Math.min(batch, count - row)
    const texts = new Int32Array(rows * (tokens + 1))
    for (let i = 0; i < rows; i++) {
      const start = (row + i) * tokens
      texts.set(heldOut.subarray(start, start + tokens + 1), i * (tokens + 1))
    }
    const result = await run(
      texts,
      rows,
      new Float32Array(rows * tokens).fill(1 / tokens),
      new Array(8).fill(0),
    )
    sum += result['losses']!.reduce((total, loss) => total + loss, 0)
  }
  return sum / count
}

async function checkpoint(): Promise<void> {
  const loss = await heldOutLoss()
  say(
    `step ${state.step}: held-out loss ${loss.toFixed(4)} after ${(state.seenTokens / 1e6).toFixed(1)} M tokens`,
  )
  const info = {
    step: state.step,
    seenTokens: state.seenTokens,
    tookMs: Math.round(state.tookMs),
    heldOutLoss: loss,
  }
  for (const name of ['theta', 'm', 'v'] as const) {
    const { buffer, byteOffset, byteLength } = state[name]
    writeFileSync(join(out, `${name}.new`), new Uint8Array(buffer, byteOffset, byteLength))
  }
  for (const name of ['theta', 'm', 'v'])
    renameSync(join(out, `${name}.new`), join(out, `${name}.f32`))
  writeFileSync(join(out, 'state.json'), `${JSON.stringify(info)}\n`)
  exportModel(join(out, 'model'), state.theta, layout, data)
}

function loadState() {
  const file = join(out, 'state.json')
  const zeros = (): Float32Array => new Float32Array(layout.size)
  if (!existsSync(file)) {
    return {
      theta: initialWeights(layout, config.layers, SEED),
      m: zeros(),
      v: zeros(),
      step: 0,
      seenTokens: 0,
      tookMs: 0,
    }
  }
  const info = JSON.parse(readFileSync(file, 'utf8')) as {
    step: number
    seenTokens: number
    tookMs: number
  }
  const read = (name: string): Float32Array =>
    new Float32Array(new Uint8Array(readFileSync(join(out, `${name}.f32`))).buffer)
  return { theta: read('theta'), m: read('m'), v: read('v'), ...info }
}

function report(nowMs: number): void {
  const done = state.step - progress.step
  const seconds = (nowMs - progress.atMs) / 1000
  const leftMinutes = ((steps - state.step) * seconds) / done / 60
  say(
    `step ${state.step}/${steps} loss ${(progress.loss / done).toFixed(3)} norm ${progress.norm.toFixed(2)} ` +
      `rate ${rateAt(state.step).toExponential(1)} ${Math.round((done * batch * tokens) / seconds)} tokens/s, ${leftMinutes.toFixed(0)} min left`,
  )
  progress = { atMs: nowMs, step: state.step, loss: 0, norm: 0 }
}

function readTokens(name: string): Uint16Array {
  return new Uint16Array(new Uint8Array(readFileSync(join(data, `${name}.u16`))).buffer)
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}
