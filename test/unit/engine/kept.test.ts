import assert from 'node:assert/strict'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'mocha'
import { createEngine } from '../../../worker/engine/engine.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { Kept, MOST_KEPT } from '../../../worker/engine/kept.ts'
import { LoadedModel } from '../../../worker/engine/loaded-model.ts'
import type { ThreadOptions } from '../../../worker/engine/requests.ts'
import { Serving } from '../../../worker/engine/serving/serve.ts'
import { Session, vector } from '../../../worker/engine/session.ts'
import { StepSignal } from '../../../worker/engine/step-signal.ts'
import { exampleFeeds } from '../../../worker/engine/training/examples.ts'
import { WeightMemory, weightBytes } from '../../../worker/engine/weight-memory.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import {
  assertSameBits,
  BROOK,
  engineError,
  LIMITS,
  LORA,
  SEED,
  someTokens,
  TINY,
} from './fixtures.ts'

describe('opened things', () => {
  const open = (most: number) => {
    const log: string[] = []
    const kept = new Kept<string>(most, async (name) => void log.push(`gone ${name}`))
    const opening = (name: string) => async () => {
      log.push(`open ${name}`)
      return name
    }
    const use = <R>(name: string, work: (name: string) => Promise<R>) =>
      kept.use(name, opening(name), work)
    const look = (name: string) => use(name, async (opened) => opened)
    return { log, kept, use, look }
  }

  it('are opened once, and the one used longest ago goes before another comes', async () => {
    const { log, look } = open(2)
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) assert.equal(await look(name), name)
    const expected = ['open a', 'open b', 'gone b', 'open c', 'gone c', 'open b']
    assert.deepEqual(log, expected)
  })

  it('stay while they are in use, however many they are', async () => {
    const { log, use, look } = open(1)
    const gate = Promise.withResolvers<void>()
    const uses = ['a', 'b', 'c', 'a'].map((name) => use(name, () => gate.promise))
    assert.equal(await look('d'), 'd')
    assert.deepEqual(log, ['open a', 'open b', 'open c', 'open d', 'gone d'])
    gate.resolve()
    await Promise.all(uses)
    await look('e')
    const gone = log.filter((line) => line.startsWith('gone')).sort()
    assert.deepEqual(gone, ['gone a', 'gone b', 'gone c', 'gone d'])
  })

  it('that could not be opened are tried anew, and take no place', async () => {
    const { log, kept, look } = open(1)
    const fail = async (): Promise<string> => {
      throw new Error('not now')
    }
    const failing = () => kept.use('b', fail, async (name) => name)
    for (let time = 0; time < 3; time++) await assert.rejects(failing(), /not now/)
    for (const name of ['a', 'a', 'b']) await look(name)
    assert.deepEqual(log, ['open a', 'gone a', 'open b'])
  })
})

describe("models in the engine's thread", () => {
  const options: ThreadOptions = {
    threads: 1,
    checkpointing: false,
    limits: LIMITS,
    weightBytes: 2 ** 30,
    provider: 'cpu',
  }
  const memory = () => new WeightMemory(options.weightBytes, async () => false)

  it('give back the sessions of training when they go', async () => {
    const base = await openBaseModel(TINY)
    const model = new LoadedModel(base, { directory: TINY, lora: LORA }, options, memory())
    const session = await model.session('loss')
    const example = { tokens: Int32Array.of(1, 2), weights: Float32Array.of(1) }
    const theta = vector(model.adapter(undefined))
    const run = () => session.run({ theta, ...exampleFeeds([example]) })
    assert.equal((await run())['losses']!.length, 1)
    await model.release()
    await assert.rejects(run(), engineError('runtime', /dispos/))
  })

  it('give back the session of serving when they go', async () => {
    const serving = new Serving(TINY, await openBaseModel(TINY), options, memory(), () => {})
    const { release } = Session.prototype
    let released = 0
    Session.prototype.release = async function (this: Session) {
      released++
      await release.call(this)
    }
    try {
      await serving.prefill({ tokens: [1, 2, 3], from: 0 }, new StepSignal())
      assert.equal(released, 0)
      await serving.release()
      assert.equal(released, 1)
    } finally {
      Session.prototype.release = release
    }
  })

  it('are not asked to read what the machine has no memory for', async () => {
    const base = await openBaseModel(TINY)
    const config = { ...base.config, keyValueHeads: 2 ** 24 }
    const serving = new Serving(TINY, { ...base, config }, options, memory(), () => {})
    await assert.rejects(
      serving.prefill({ tokens: new Array<number>(64).fill(1), from: 63 }, new StepSignal()),
      engineError('over-budget', /a text of 64 tokens takes .* GiB/),
    )
  })

  it('are let go of, so that naming shapes takes no more memory, and give the same bits when they come back', async () => {
    await using engine = createEngine({ threads: 1 })
    const example = someTokens(32, 4096)
    /** As whoever orders fine-tunes that differ in alpha alone makes them. */
    const lossAt = async (alpha: number): Promise<Float32Array> => {
      const model = await engine.open(BROOK, { ...LORA, alpha })
      const { theta } = model.initialState(SEED)
      return model.loss({ adapter: theta, examples: [example] })
    }
    const first = await lossAt(1)
    for (let alpha = 2; alpha <= 2 * MOST_KEPT; alpha++) await lossAt(alpha)
    const before = process.memoryUsage.rss()
    for (let alpha = 20; alpha < 32; alpha++) await lossAt(alpha)
    const grownMib = (process.memoryUsage.rss() - before) / 2 ** 20
    assert.ok(grownMib < 100, `it grew by ${Math.round(grownMib)} MiB`)
    assertSameBits(await lossAt(1), first)
  })

  it('are refused, or others let go of, where their weights have no room', async () => {
    const bytes = weightBytes(await openBaseModel(BROOK), false)
    const text = { tokens: [1, 2, 3], from: 0 }
    const examples = [someTokens(16, 4096)]
    const openIn = async (room: number) => {
      const engine = createEngine({ threads: 1, weightBytes: room })
      return { engine, model: await engine.open(BROOK, LORA) }
    }
    const narrow = await openIn(bytes - 1)
    await assert.rejects(
      narrow.model.prefill(text),
      engineError('over-budget', /weights take about 0\.0 GiB, but may take/),
    )
    await narrow.engine[Symbol.asyncDispose]()
    const { engine, model } = await openIn(2 * bytes)
    const first = await model.prefill(text)
    await model.loss({ examples })
    // What serves is let go of, but losses are of the very model that is in use, and gradients take twice as much.
    const request = { examples, projectionSeed: SEED, width: 2 }
    await assert.rejects(model.features(request), engineError('over-budget'))
    const other = await engine.open(BROOK, { ...LORA, alpha: 3 })
    await other.features(request)
    assertSameBits((await model.prefill(text)).logits, first.logits)
    await engine[Symbol.asyncDispose]()
  })

  it('are let go of with what serves them, however many folders hold models', async () => {
    await using engine = createEngine({ threads: 1 })
    const folder = testFolder('engine')
    mkdirSync(folder, { recursive: true })
    const read = async (number: number): Promise<Float32Array> => {
      const directory = join(folder, `${number}`)
      if (!existsSync(directory)) symlinkSync(BROOK, directory)
      const model = await engine.open(directory, LORA)
      return (await model.prefill({ tokens: [1, 2, 3], from: 0 })).logits
    }
    const first = await read(1)
    for (let number = 2; number <= 2 * MOST_KEPT; number++) await read(number)
    const before = process.memoryUsage.rss()
    for (let number = 20; number < 32; number++) await read(number)
    const grownMib = (process.memoryUsage.rss() - before) / 2 ** 20
    assert.ok(grownMib < 100, `it grew by ${Math.round(grownMib)} MiB`)
    assertSameBits(await read(1), first)
    removeFolder(folder)
  })

  it('stay while texts and examples are under way, however many they are', async () => {
    await using engine = createEngine({ threads: 1 })
    const example = someTokens(32, 96)
    const alphas = Array.from({ length: 2 * MOST_KEPT }, (_, index) => index + 1)
    const models = await Promise.all(alphas.map((alpha) => engine.open(TINY, { ...LORA, alpha })))
    const { theta } = models[0]!.initialState(SEED)
    const request = { adapter: theta, examples: [example] }
    const losses = await Promise.all(models.map((model) => model.loss(request)))
    // B is zero in the beginning, so alpha changes nothing.
    for (const loss of losses) assertSameBits(loss, losses[0]!)
  })
})
