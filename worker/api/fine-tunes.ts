/** Orders for fine-tunes: a run, or the next part of one. */
import { Hono } from 'hono'
import { z } from 'zod'
import { cid } from '../../protocol/fields.ts'
import { FineTuneFields, LoraSpec, Optimiser, refuseSteps } from '../../protocol/tuning.ts'
import type { Gateway } from '../service.ts'
import { jsonBody, parse } from './input.ts'
import { baseAsked } from './models.ts'

const FETCH_MS = 20_000

const { dropout, exampleTokens, batchExamples, maxExamples } = FineTuneFields.shape
const { steps, runSteps, segmentSteps, patience } = FineTuneFields.shape
/** A spec, most of which may be left out; of a run in parts the first. */
const FirstPart = FineTuneFields.extend({
  model: z.string().min(1).max(128).optional(),
  lora: LoraSpec.prefault({
    rank: 8,
    alpha: 16,
    targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
  }),
  optimiser: Optimiser.extend({ schedule: Optimiser.shape.schedule.default('cosine') }).prefault({
    learningRate: 0.004,
    warmupSteps: 10,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-6,
    weightDecay: 0,
  }),
  dropout: dropout.default(0),
  exampleTokens: exampleTokens.default(128),
  batchExamples: batchExamples.default(8),
  steps: steps.default(120),
  runSteps: runSteps.optional(),
  segmentSteps: segmentSteps.default(20),
  patience: patience.default(0),
  maxExamples: maxExamples.default(448),
})
  .transform((spec) => ({ ...spec, runSteps: spec.runSteps ?? spec.steps }))
  .superRefine(refuseSteps)
/** The next part of the run that an adapter comes from. */
const NextPart = z.strictObject({
  from: cid,
  steps: steps.optional(),
  segmentSteps: segmentSteps.optional(),
  patience: patience.optional(),
})

export function fineTuneRoutes(gateway: Gateway): Hono {
  return new Hono().post('/fine-tunes', async (c) => {
    const body = await jsonBody(c.req)
    if (typeof body === 'object' && body !== null && 'from' in body) {
      const { from, ...part } = parse(NextPart, body)
      const signal = AbortSignal.timeout(FETCH_MS)
      return c.json(await gateway.orders.goOn(from, part, signal), 202)
    }
    const { model, ...spec } = parse(FirstPart, body)
    return c.json(await gateway.orders.fineTune(baseAsked(gateway, model), spec), 202)
  })
}
