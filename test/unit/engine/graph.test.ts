import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { featuredMaps } from '../../../protocol/tuning.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { storedWeights } from '../../../worker/engine/graph/graph.ts'
import { GraphBuilder } from '../../../worker/engine/graph/onnx.ts'
import { featureSize, projectionMatrices } from '../../../worker/engine/graph/projection.ts'
import { ProtobufWriter } from '../../../worker/engine/graph/protobuf.ts'
import { gradientGraph } from '../../../worker/engine/graph/train-graph.ts'
import { loraLayout } from '../../../worker/engine/lora.ts'
import { textFeeds } from '../../../worker/engine/serving/feeds.ts'
import { KeyValues } from '../../../worker/engine/serving/key-values.ts'
import { Slots, singleFeeds } from '../../../worker/engine/serving/slots.ts'
import { Session } from '../../../worker/engine/session.ts'
import { engineError, LORA, openServing, SEED, someServed, TINY, worstError } from './fixtures.ts'

describe('graphs', () => {
  it('are written in the wire format of Protocol Buffers', () => {
    const bytes = new ProtobufWriter()
      .int(1, 150)
      .int(2, -1)
      .string(3, 'testing')
      .message(4, (inner) =>
        inner.int(1, 1).message(2, (innermost) => innermost.string(1, 'x'.repeat(200))),
      )
      .float(5, 1)
      .finish()
    const expected = [
      // The first and the third are the examples of the format's own documentation.
      [0x08, 0x96, 0x01],
      [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x1a, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
      [
        0x22,
        0xd0,
        0x01,
        0x08,
        0x01,
        0x12,
        0xcb,
        0x01,
        0x0a,
        0xc8,
        0x01,
        ...new Array(200).fill(0x78),
      ],
      [0x2d, 0x00, 0x00, 0x80, 0x3f],
    ]
    assert.deepEqual([...bytes], expected.flat())
  })

  it('come out the same each time, and differ with the adapter shape', async () => {
    const { config, places } = await openBaseModel(TINY)
    const bytes = (rank: number) =>
      gradientGraph(config, storedWeights(places), loraLayout(config, { ...LORA, rank }))
    assert.deepEqual(bytes(4), bytes(4))
    assert.notDeepEqual(bytes(4), bytes(5))
  })

  it('store a small constant once', () => {
    const graph = new GraphBuilder()
    assert.equal(graph.floats([1, 2]), graph.floats([1, 2]))
    assert.notEqual(graph.floats([1, 2]), graph.floats([1, 2], [2, 1]))
    assert.notEqual(graph.ints(1), graph.ints(2))
  })

  it('that the runtime cannot read give an EngineError', async () => {
    const broken = Session.create(Uint8Array.of(1, 2, 3), { threads: 1 })
    await assert.rejects(broken, engineError('runtime', /cannot load a graph/))
  })

  it('serve several texts at once, each with its own past and adapter', async () => {
    const { config, session, run } = await serving()
    const { vocabSize } = config
    const lora = { ...LORA, rank: 3 }
    const adapters = [undefined, { id: 'x', lora, data: await someServed(config, lora) }]
    const texts = [
      [5, 6, 7],
      [8, 9, 10, 11, 12],
    ]
    const fresh = (outputs: Record<string, Float32Array>) => ({
      k: outputs['new.k']!,
      v: outputs['new.v']!,
    })
    const together = new KeyValues(config, 2, 20)
    const alone: Float32Array[] = []
    for (const [row, text] of texts.entries()) {
      const keys = new KeyValues(config, 1, 0)
      const slots = singleFeeds(config, adapters[row])
      const first = fresh(await run([text], [0], slots, keys))
      keys.reserve(1, text.length)
      keys.append(0, 0, first, 0, 1)
      together.copyRow(row, keys, 0, text.length)
      // What lies behind a text's end must not matter.
      const junk = { k: first.k.map(() => 1000), v: first.v.map(() => 1000) }
      together.append(row, text.length, junk, 0, 1)
      alone.push((await run([[20 + row]], [text.length], slots, keys))['logits']!)
    }
    const slots = new Slots(config)
    slots.arrange(adapters)
    const { logits } = await run([[20], [21]], [3, 5], slots.feeds(), together)
    for (const row of [0, 1]) {
      const values = logits!.subarray(row * vocabSize, (row + 1) * vocabSize)
      assert.ok(worstError(values, alone[row]!) < 1e-5)
    }
    await session.release()
  })

  it('serve several new texts of several tokens, none with an adapter', async () => {
    const { config, session, run } = await serving()
    const texts = [
      [5, 6, 7],
      [8, 9, 10],
    ]
    const slots = new Slots(config)
    slots.arrange([undefined, undefined])
    const together = await run(texts, [0, 0], slots.feeds(), new KeyValues(config, 2, 0))
    const keys = new KeyValues(config, 1, 0)
    for (const [row, text] of texts.entries()) {
      const alone = await run([text], [0], singleFeeds(config, undefined), keys)
      const values = together['logits']!.subarray(row * config.vocabSize)
      assert.ok(worstError(values.subarray(0, config.vocabSize), alone['logits']!) < 1e-5)
    }
    await session.release()
  })
})

/** The serving graph of a model, and a run of equally many tokens of each row that gives the logits of the last. */
async function serving() {
  const { config, session } = await openServing()
  const run = (rows: number[][], lengths: number[], slots: object, keys: KeyValues) =>
    session.run({
      ...textFeeds(rows, lengths, Int32Array.of(rows[0]!.length - 1)),
      ...slots,
      ...keys.feeds(rows.length),
    })
  return { config, session, run }
}

describe('projection matrices', () => {
  it('hold signs of one size, as many pluses as minuses, fixed by the seed', async () => {
    const { config } = await openBaseModel(TINY)
    const layout = loraLayout(config, LORA)
    const matrices = projectionMatrices(layout, SEED, 16)
    const rows = featuredMaps(layout.modules).reduce((sum, { outputs }) => sum + outputs, 0)
    assert.equal(matrices.length, rows * 16)
    assert.ok(matrices.every((value) => Math.abs(value) === 0.25))
    const pluses = matrices.filter((value) => value > 0).length / matrices.length
    assert.ok(Math.abs(pluses - 0.5) < 0.02, `${pluses} are plus`)
    assert.deepEqual(projectionMatrices(layout, SEED, 16), matrices)
    assert.notDeepEqual(projectionMatrices(layout, SEED.slice(1), 16), matrices)
    // Of two layers all maps but those that mix tokens.
    assert.equal(featureSize(layout, 16), 4 * 16 * 8)
  })
})
