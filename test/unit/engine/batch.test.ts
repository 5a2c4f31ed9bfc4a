import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { after, before, describe, it } from 'mocha'
import type { LoraSpec } from '../../../protocol/tuning.ts'
import type { ModelConfig } from '../../../worker/engine/families/model-config.ts'
import type {
  Generated,
  GenerateRequest,
  ServedAdapter,
  ServingLimits,
} from '../../../worker/engine/requests.ts'
import { Batch } from '../../../worker/engine/serving/batch.ts'
import { KeyValues, keyValueBytes } from '../../../worker/engine/serving/key-values.ts'
import { Text } from '../../../worker/engine/serving/text.ts'
import type { Session } from '../../../worker/engine/session.ts'
import { StepSignal } from '../../../worker/engine/step-signal.ts'
import {
  engineError,
  LIMITS,
  openServing,
  relativeError,
  SEED,
  someServed,
  someTokens,
} from './fixtures.ts'

/** Ranks and targets that share nothing. */
const SHAPES: readonly LoraSpec[] = [
  { rank: 3, alpha: 6, targets: ['q', 'v'] },
  { rank: 8, alpha: 8, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] },
  { rank: 17, alpha: 34, targets: ['down'] },
]

describe('continuous batching', () => {
  let config: ModelConfig
  let session: Session
  let adapters: (ServedAdapter | undefined)[]

  before(async () => {
    ;({ config, session } = await openServing())
    const served = SHAPES.map(async (lora, index) => ({
      id: `adapter ${index}`,
      lora,
      data: await someServed(config, lora),
    }))
    adapters = [undefined, ...(await Promise.all(served))]
  })
  after(() => session.release())

  /** A batch, and the shape [rows, tokens] of each of its runs. */
  const open = (limits: Partial<ServingLimits> = {}) => {
    const runs: [number, number][] = []
    const recording = {
      run: (feeds: Parameters<Session['run']>[0]) => {
        const [rows, tokens] = feeds['tokens']!.shape
        runs.push([rows!, tokens!])
        return session.run(feeds)
      },
    }
    const all = { ...LIMITS, promptCacheBytes: 0, ...limits }
    const batch = new Batch(config, async () => recording, all)
    const write = (
      change: Partial<GenerateRequest>,
      onToken: (index: number) => void = () => {},
      signal = new StepSignal(),
    ): Promise<Generated> => {
      const hooks = { signal, onToken: ({ index }: { index: number }) => onToken(index) }
      const text = new Text(config, request(change), hooks)
      batch.add(text)
      return text.result
    }
    return { write, runs }
  }

  const request = (change: Partial<GenerateRequest>): GenerateRequest => ({
    prompt: [...someTokens(6, 96)],
    maxTokens: 8,
    seed: SEED,
    sampler: { temperature: 1, topK: 40 },
    stopTokens: [],
    ...change,
  })

  const assertSame = (actual: Generated, expected: Generated): void => {
    assert.deepEqual(actual.tokens, expected.tokens)
    assert.equal(actual.stop, expected.stop)
    assert.ok(relativeError(actual.hidden, expected.hidden) < 1e-4)
  }

  it('lets texts join and leave between steps', async () => {
    const { write, runs } = open()
    const second: Promise<Generated>[] = []
    const first = await write({ maxTokens: 10 }, (index) => {
      if (index === 3) second.push(write({ maxTokens: 4 }))
    })
    const [other] = await Promise.all(second)
    assert.deepEqual(
      [first, other].map((text) => text!.tokens.length),
      [10, 4],
    )
    // The first token comes of the prompt; of the second text's others all come of steps together.
    const shapes = [
      [1, 6],
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 6],
      [2, 1],
      [2, 1],
      [2, 1],
      [1, 1],
    ]
    assert.deepEqual(runs.slice(0, 9), shapes)
    assert.ok(runs.slice(9).every(([rows, tokens]) => rows === 1 && tokens === 1))
  })

  it('draws the same tokens alone and beside others, whenever they come', async () => {
    const text = fc.record({
      prompt: fc.array(fc.nat(95), { minLength: 1, maxLength: 20 }),
      maxTokens: fc.integer({ min: 1, max: 12 }),
      adapter: fc.nat(SHAPES.length),
      turns: fc.nat(12),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 2, maxLength: 7 }), async (texts) => {
        const { write } = open({ promptCacheBytes: LIMITS.promptCacheBytes })
        const together = await Promise.all(
          texts.map(async ({ turns, adapter, ...rest }) => {
            for (let i = 0; i < turns; i++) await setImmediate()
            return write({ ...rest, adapter: adapters[adapter] })
          }),
        )
        for (const [index, { turns, adapter, ...rest }] of texts.entries()) {
          const alone = await open().write({ ...rest, adapter: adapters[adapter] })
          assertSame(together[index]!, alone)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('reads a long prompt piece by piece, in turn with the others', async () => {
    const { write, runs } = open()
    const others: Promise<Generated>[] = []
    await write({ maxTokens: 12 }, (index) => {
      if (index === 2) others.push(write({ prompt: [...someTokens(30, 96)] }))
    })
    await Promise.all(others)
    const start = runs.findIndex(([, tokens]) => tokens === 8)
    const pieces = [
      [1, 8],
      [1, 1],
      [1, 8],
      [1, 1],
      [1, 8],
      [1, 1],
      [1, 6],
      [2, 1],
    ]
    assert.deepEqual(runs.slice(start, start + 8), pieces)
  })

  it('cancels one text and leaves the others as they would have been', async () => {
    const alone = await Promise.all([0, 2, 3].map((i) => open().write({ adapter: adapters[i] })))
    const { write, runs } = open()
    const signal = new StepSignal()
    const cancelled = write({ maxTokens: 50 }, (index) => index === 2 && signal.abort(), signal)
    const waiting = new StepSignal()
    waiting.abort()
    const refused = write({}, () => assert.fail('it never began'), waiting)
    const others = [0, 2, 3].map((i) => write({ adapter: adapters[i] }))
    const rejected = [cancelled, refused].map((text) =>
      assert.rejects(text, engineError('aborted')),
    )
    await Promise.all(rejected)
    for (const [index, other] of (await Promise.all(others)).entries()) {
      assertSame(other, alone[index]!)
    }
    assert.ok(runs.length < 30, 'the cancelled text was not written on')
  })

  it('ends a text at a stop token while the others go on', async () => {
    const whole = await open().write({})
    const { write } = open()
    const stop = whole.tokens[3]!
    const [stopped, other] = await Promise.all([write({ stopTokens: [stop] }), write({})])
    assert.equal(stopped.stop, 'stop-token')
    assert.deepEqual(stopped.tokens, whole.tokens.slice(0, whole.tokens.indexOf(stop) + 1))
    assertSame(other, whole)
  })

  it('keeps a broken adapter to itself', async () => {
    const lora = SHAPES[1]!
    const broken = { id: 'broken', lora, data: (await someServed(config, lora)).map(() => 1e30) }
    const { write } = open({ texts: 2 })
    const fine = write({ maxTokens: 50 })
    await assert.rejects(write({ adapter: broken }), engineError('not-finite'))
    // This one breaks between its prompt and its first step, and leaves NaNs in its row.
    const late = { ...adapters[2]!, data: adapters[2]!.data.slice() }
    const breaking = write({ adapter: late }, () => late.data.fill(1e30))
    const successor = write({ adapter: adapters[2] })
    await assert.rejects(breaking, engineError('not-finite'))
    assertSame(await successor, await open().write({ adapter: adapters[2] }))
    assertSame(await fine, await open().write({ maxTokens: 50 }))
  })

  it('waits for memory, and refuses at once what would never have enough', async () => {
    // 6 + 8 tokens take the room of one block, and as much again while the prompt is read.
    const one = keyValueBytes(config, 1, 32)
    const { write, runs } = open({ memoryBytes: 2 * one, texts: 4 })
    const order: string[] = []
    const first = write({}, (index) => order.push(`a${index}`))
    const second = write({}, (index) => order.push(`b${index}`))
    const texts = await Promise.all([first, second])
    assertSame(texts[0], texts[1])
    assert.equal(order.indexOf('b0'), 8, 'the second begins when the first is done')
    assert.ok(runs.every(([rows]) => rows === 1))
    const heavy = open({ memoryBytes: 2 * one - 1 })
    assert.throws(() => heavy.write({}), engineError('over-budget', /14|13/))
    const adapted = open({ memoryBytes: 2 * one })
    assert.throws(() => adapted.write({ adapter: adapters[2] }), engineError('over-budget'))
  })

  it('lets only so many wait, and takes others when some are written', async () => {
    const { write } = open({ texts: 1, waiting: 2 })
    const taken = [write({}), write({})]
    assert.throws(() => write({}), engineError('busy', /2 texts wait already/))
    await Promise.all(taken)
    assertSame(await write({}), await open().write({}))
  })

  it('goes on after a run that failed', async () => {
    let failing = true
    const flaky = {
      run: (feeds: Parameters<Session['run']>[0]) => {
        if (failing) throw new TypeError('on purpose')
        return session.run(feeds)
      },
    }
    const batch = new Batch(config, async () => flaky, LIMITS)
    const write = () => {
      const text = new Text(config, request({}), { signal: new StepSignal(), onToken: () => {} })
      batch.add(text)
      return text.result
    }
    await assert.rejects(write(), /on purpose/)
    failing = false
    assertSame(await write(), await open().write({}))
  })

  it('reads of a prompt only what no earlier one began with', async () => {
    const { write, runs } = open({ promptCacheBytes: LIMITS.promptCacheBytes, chunkTokens: 64 })
    const prompt = [...someTokens(30, 96)]
    const read = async (change: Partial<GenerateRequest>): Promise<number> => {
      runs.length = 0
      const known = await write(change)
      const tokens = runs[0]![1]
      assertSame(known, await open().write(change))
      return tokens
    }
    assert.equal(await read({ prompt }), 30)
    assert.equal(await read({ prompt }), 1, 'the last token is always read')
    assert.equal(await read({ prompt: [...prompt.slice(0, 20), 1, 2, 3] }), 3)
    assert.equal(await read({ prompt: prompt.slice(0, 10) }), 1)
    assert.equal(await read({ prompt, adapter: adapters[1] }), 30, 'another adapter')
    const nameless = { ...adapters[1]!, id: undefined }
    assert.equal(await read({ prompt, adapter: nameless }), 30, 'nothing is known of it')
    assert.equal(await read({ prompt, adapter: adapters[1] }), 1)
  })

  it('forgets the prompts used longest ago', async () => {
    const bytes = new KeyValues(config, 1, 30).bytes
    const { write, runs } = open({ promptCacheBytes: 2 * bytes, chunkTokens: 64 })
    const prompts = [0, 1, 2].map((index) => [...someTokens(30, 96, `prompt ${index}`)])
    const read = async (index: number): Promise<number> => {
      runs.length = 0
      await write({ prompt: prompts[index]!, maxTokens: 1 })
      return runs[0]![1]
    }
    const reads: number[] = []
    for (const index of [0, 1, 0, 2, 0, 1]) reads.push(await read(index))
    assert.deepEqual(reads, [30, 30, 1, 30, 1, 30])
  })
})
