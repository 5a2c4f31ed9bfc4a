import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Prompt, Temperature } from '../../protocol/answer.ts'
import { EXACT_BOUNDS, margin, PACKED_BOUNDS, tokensHonest } from '../../protocol/commitment.ts'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { draw, LEAST_TEMPERATURE } from '../../protocol/sampling.ts'

const SEED = keccak(utf8('sampling'))

const temperature = fc
  .oneof(
    fc.double({ min: 0, max: 10, noNaN: true }),
    fc.double({ min: LEAST_TEMPERATURE, max: 0.1, noNaN: true }),
    fc.constantFrom(0, LEAST_TEMPERATURE, 10, 5e-324, 1e-310, 1e-300, 1e-30),
  )
  .filter((value) => Temperature.safeParse(value).success)
const logit = fc.oneof(
  fc.float({ noNaN: true, min: -60, max: 60 }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 7),
)
const logits = fc.array(logit, { minLength: 1, maxLength: 40 })

describe('a drawn token', () => {
  it('is honest by its margin, a number, at every temperature that a prompt may ask for', () => {
    const property = fc.property(
      logits,
      temperature,
      fc.integer({ min: 1, max: 50 }),
      fc.nat(1000),
      (values, temperature, topK, position) => {
        const row = Float32Array.from(values)
        const sampler = { temperature, topK }
        const token = draw(row, SEED, position, sampler)
        const distance = margin(row, token, SEED, position, sampler, EXACT_BOUNDS)
        assert.ok(Number.isFinite(distance), `margin ${distance} at temperature ${temperature}`)
        assert.ok(tokensHonest([distance], EXACT_BOUNDS))
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  for (const bounds of [EXACT_BOUNDS, PACKED_BOUNDS]) {
    it(`is honest where its logits were off by half of ${bounds.margin}, as those of another run may be`, () => {
      const off = bounds.margin / 2
      const rows = fc.array(
        fc.tuple(
          fc.oneof(
            fc.float({ noNaN: true, min: -20, max: 20 }),
            // Near enough to one another to change places at the edge of the top k.
            fc.integer({ min: 0, max: 8 }).map((quarters) => 7 + (quarters * bounds.margin) / 4),
          ),
          fc.double({ min: -1, max: 1, noNaN: true }),
        ),
        { minLength: 1, maxLength: 40 },
      )
      const property = fc.property(
        rows,
        temperature,
        fc.integer({ min: 1, max: 50 }),
        fc.nat(1000),
        (pairs, temperature, topK, position) => {
          const row = Float32Array.from(pairs, ([value]) => value)
          const other = Float32Array.from(pairs, ([value, by]) => value + 0.99 * off * by)
          const sampler = { temperature, topK }
          const token = draw(other, SEED, position, sampler)
          assert.ok(tokensHonest([margin(row, token, SEED, position, sampler, bounds)], bounds))
        },
      )
      fc.assert(property, { numRuns: 2000 })
    })
  }

  it('is honest where only the validator has the token with the most noise in its top k', () => {
    const sampler = { temperature: 1, topK: 2 }
    const [first, second, third] = [4, 4 - 1e-6, 4 - 2e-6]
    const row = Float32Array.of(9, first, second, third)
    const other = Float32Array.of(9, third, second, first)
    const noisy = Array.from({ length: 3000 }, (_, position) => position).filter(
      (position) => draw(row, SEED, position, sampler) === 1,
    )
    assert.ok(noisy.length > 0)
    for (const position of noisy) {
      const token = draw(other, SEED, position, sampler)
      assert.ok(
        tokensHonest([margin(row, token, SEED, position, sampler, EXACT_BOUNDS)], EXACT_BOUNDS),
      )
    }
  })

  it('is not honest in the place of a better one that every honest run has in its top k', () => {
    const row = Float32Array.of(9, 8, 7, 1)
    const sampler = { temperature: 1, topK: 3 }
    for (let position = 0; position < 100; position++) {
      const drawn = draw(row, SEED, position, sampler)
      for (const other of [0, 1, 2, 3].filter((token) => token !== drawn)) {
        assert.ok(
          !tokensHonest([margin(row, other, SEED, position, sampler, EXACT_BOUNDS)], EXACT_BOUNDS),
        )
      }
    }
  })

  it('is of no prompt whose temperature is between 0 and the least', () => {
    const prompt = (temperature: number) => ({
      ...{ text: 'The river', temperature, topK: 40, maxTokens: 12 },
      ...{ addSpecialTokens: true, stop: [], logProbabilities: null },
    })
    for (const allowed of [0, LEAST_TEMPERATURE, 10]) {
      assert.ok(Prompt.decode(Prompt.encode(prompt(allowed)).bytes).ok)
    }
    for (const refused of [5e-324, 1e-310, 1e-9, 0.00099, 10.01]) {
      assert.throws(() => Prompt.encode(prompt(refused)), /must be 0, .* or from 0\.001 to 10/)
    }
  })
})
