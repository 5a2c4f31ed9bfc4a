import assert from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Adapter, MAX_DUPLICATES } from '../../../protocol/adapter.ts'
import {
  bestState,
  endsEarly,
  FineTuneSpec,
  learningRate,
  MAX_EXAMPLES,
  type Optimiser,
} from '../../../protocol/tuning.ts'
import { cidNumber, hashNumber } from '../../harness/messages.ts'
import { readGolden, TINY } from '../engine/fixtures.ts'

const OPTIMISER: Optimiser = {
  learningRate: 0.01,
  schedule: 'cosine',
  warmupSteps: 4,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-6,
  weightDecay: 0,
}
const LINEAR: Optimiser = { ...OPTIMISER, schedule: 'linear' }

describe('learning rate', () => {
  it('warms up in a line to its peak, whatever comes after', () => {
    for (const optimiser of [OPTIMISER, LINEAR]) {
      const rates = [0, 1, 2, 3, 4].map((step) => learningRate(optimiser, step, 20))
      assert.deepEqual(rates, [0.0025, 0.005, 0.0075, 0.01, 0.01])
    }
  })

  it('falls as half a cosine to a tenth', () => {
    for (let step = 4; step <= 20; step++) {
      const cosine = 0.001 + 0.009 * ((1 + Math.cos((Math.PI * (step - 4)) / 16)) / 2)
      assert.ok(Math.abs(learningRate(OPTIMISER, step, 20) - cosine) < 0.011 * 0.009)
    }
    assert.ok(Math.abs(learningRate(OPTIMISER, 20, 20) - 0.001) < 1e-12)
  })

  it('falls in a line as the scheduler of Transformers has it', async () => {
    const golden = (await readGolden(`${TINY}/training.safetensors`))('linear_rates')
    const plain = { ...LINEAR, warmupSteps: 0 }
    const rates = Float32Array.from(golden, (_, step) => learningRate(plain, step, golden.length))
    for (const [step, rate] of rates.entries()) assert.ok(Math.abs(rate - golden[step]!) < 1e-9)
    assert.equal(learningRate(plain, 20, 20), 0)
  })

  it('is positive at every step that is taken, and never beyond its peak', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('cosine' as const, 'linear' as const),
        fc.nat(50),
        fc.integer({ min: 1, max: 100 }),
        (schedule, warmupSteps, steps) => {
          for (let step = 0; step < steps; step++) {
            const rate = learningRate({ ...OPTIMISER, schedule, warmupSteps }, step, steps)
            assert.ok(rate > 0 && rate <= 0.01, `${rate} at ${step} of ${steps}`)
          }
        },
      ),
    )
  })
})

describe('early stop', () => {
  it('comes when patience runs out since the least loss', () => {
    assert.equal(endsEarly([3, 2, 2.5], 2), false)
    assert.equal(endsEarly([3, 2, 2.5, 2.1], 2), true)
    // Equal is not better.
    assert.equal(endsEarly([3, 2, 2], 1), true)
    assert.equal(endsEarly([3, 4], 1), true)
    assert.equal(endsEarly([3, 2.5, 2.1, 2], 1), false)
    assert.equal(bestState([3, 2, 2.5, 2]), 1)
  })

  it('never comes without patience, nor before there were so many segments', () => {
    const losses = fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(losses, fc.integer({ min: 1, max: 9 }), (values, patience) => {
        assert.equal(endsEarly(values, 0), false)
        if (values.length <= patience) assert.equal(endsEarly(values, patience), false)
      }),
    )
  })
})

describe('fine-tune spec', () => {
  it('says everything: what is left out is not filled in, so one order has one content id', () => {
    const spec = {
      datanet:
        'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' as FineTuneSpec['datanet'],
      lora: { rank: 2, alpha: 2, targets: ['q' as const] },
      optimiser: OPTIMISER,
      dropout: 0.1,
      exampleTokens: 16,
      batchExamples: 1,
      steps: 1,
      runSteps: 2,
      segmentSteps: 1,
      patience: 0,
      maxExamples: 16,
    }
    const decoded = FineTuneSpec.decode(FineTuneSpec.encode(spec).bytes)
    assert.deepEqual(decoded, { ok: true, value: spec })
    const tooMany = { maxExamples: MAX_EXAMPLES + 1 }
    for (const change of [
      { dropout: undefined },
      { dropout: 0.95 },
      { patience: -1 },
      { steps: 3 },
      tooMany,
    ]) {
      const wrong = { ...spec, ...change } as FineTuneSpec
      assert.throws(() => FineTuneSpec.encode(wrong))
    }
  })

  /** The largest adapter that a run may come to: with all the duplicates that can be listed. */
  function largestAdapter(steps: number, segmentSteps: number, patience: number): Adapter {
    const segments = Math.ceil(steps / segmentSteps)
    const [hash, cid] = [hashNumber(1), cidNumber(1)]
    const states = Array.from({ length: segments + 1 }, () => ({ hash, cid }))
    const many = 2 ** 32 - 1
    const duplicate = { contribution: many, earlier: many, rows: many }
    const figures = { damping: 0.1, cap: 0.1, scale: 0.1 }
    const size = { root: hash, examples: MAX_EXAMPLES, width: 65_536, columns: 2, ...figures }
    const duplicates = Array.from({ length: MAX_DUPLICATES }, () => duplicate)
    return {
      ...{ jobId: hash, base: cid, datanet: cid, spec: cid, parent: cid, firstStep: many },
      ...{ seed: hash, files: cid, states },
      seals: Array.from({ length: segments }, () => hash),
      losses: Array.from({ length: steps }, () => 0.1),
      heldOutLosses: patience > 0 ? states.map(() => 0.1) : [],
      heldOutLossBefore: 0.1,
      heldOutLossAfter: 0.1,
      index: { features: cid, rows: cid, ...size, duplicates },
      spans: { root: hash, tokens: many },
    }
  }

  it('orders no run whose adapter is larger than validators read, and says what to change', () => {
    const spec = (steps: number, segmentSteps: number, patience = 0): FineTuneSpec => ({
      datanet: cidNumber(1),
      lora: { rank: 2, alpha: 2, targets: ['q'] },
      optimiser: OPTIMISER,
      dropout: 0,
      exampleTokens: 16,
      batchExamples: 1,
      maxExamples: 16,
      ...{ steps, runSteps: 100_000, segmentSteps, patience },
    })
    const refused = (...run: [number, number, number?]): string => {
      const bytes = dagCbor.encode(spec(...run))
      const decoded = FineTuneSpec.decode(bytes)
      return decoded.ok ? '' : decoded.reason
    }
    assert.match(refused(4096, 1), /4096 segments: 4095 are allowed; raise segmentSteps/)
    assert.match(refused(60_000, 15), /: raise segmentSteps or lower steps$/)
    assert.match(refused(100_000, 1000), /: lower steps$/)
    for (const patience of [0, 3]) {
      for (const segmentSteps of [1, 7, 25, 100, 1000]) {
        // The most steps that are allowed, by halving.
        let [low, high] = [1, 100_000]
        while (low < high) {
          const middle = Math.ceil((low + high) / 2)
          if (refused(middle, segmentSteps, patience) === '') low = middle
          else high = middle - 1
        }
        const { bytes } = Adapter.encode(largestAdapter(low, segmentSteps, patience))
        assert.ok(Adapter.decode(bytes).ok)
        assert.ok(bytes.length > 0.99 * Adapter.maxBytes, `${low} of ${segmentSteps}`)
      }
    }
    const large = largestAdapter(100_000, 100, 0)
    assert.throws(
      () => Adapter.encode(large),
      /adapter has \d+ bytes, more than the 1048576 allowed/,
    )
  })
})
