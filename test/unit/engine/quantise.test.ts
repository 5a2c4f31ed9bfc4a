import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { after, describe, it } from 'mocha'
import { createEngine, type Model } from '../../../worker/engine/engine.ts'
import { familyOf } from '../../../worker/engine/families/known.ts'
import { type BaseModel, openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { float32From } from '../../../worker/engine/files/half.ts'
import { quantise, quantiseModel } from '../../../worker/engine/files/quantise.ts'
import { parseHeader, writeSafetensors } from '../../../worker/engine/files/safetensors.ts'
import { testFolder } from '../../harness/folders.ts'
import {
  engineError,
  OPTIMISER,
  relativeError,
  someAdapter,
  someTokens,
  VECTORS,
} from './fixtures.ts'

describe('quantised base models', () => {
  const engine = createEngine({ threads: 1 })
  after(() => engine[Symbol.asyncDispose]())

  it('keep each number within half a step of its block, and the farthest to the bit', () => {
    const value = fc.float({ min: -4, max: 4, noNaN: true })
    const blocks = fc.array(value, { minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(blocks, fc.constantFrom(4 as const, 8 as const), (list, bits) => {
        const values = Float32Array.from(list)
        const { packed, scales } = quantise(values, { bits, blockSize: 16 })
        const half = 2 ** (bits - 1)
        for (const [i, original] of values.entries()) {
          const scale = scales[i >> 4]!
          const integer = bits === 8 ? packed[i]! : (packed[i >> 1]! >> (4 * (i % 2))) & 15
          const error = Math.abs((integer - half) * scale - original)
          // The farthest number's opposite has no integer of its own: it is off by up to a whole step.
          assert.ok(error <= Math.abs(scale) * 1.0001 + 1e-30)
          if (integer < 2 * half - 1) assert.ok(error <= Math.abs(scale) * 0.5001 + 1e-30)
        }
      }),
    )
  })

  for (const name of ['untied', 'gpt2', 'qwen2']) {
    for (const bits of [4, 8] as const) {
      it(`answer, and train adapters, as ${name} does with those ${bits}-bit numbers as floats`, async () => {
        const folder = testFolder('quantised')
        const [packed, plain] = [join(folder, 'packed'), join(folder, 'plain')]
        await quantiseModel(join(VECTORS, name), packed, bits, () => {})
        await unpackModel(join(VECTORS, name), packed, plain)
        const targets = familyOf((await openBaseModel(plain)).config).projections
        const lora = { rank: 4, alpha: 8, targets: [...targets] }
        const [ours, reference] = [await engine.open(packed, lora), await engine.open(plain, lora)]
        assert.equal(ours.info.exact, false)
        assert.equal(ours.info.parameterCount, reference.info.parameterCount)
        const tokens = [...someTokens(24, 96)]
        const adapter = someAdapter(ours.info.loraSize)
        const logits = async (model: Model) =>
          (await model.prefill({ adapter, tokens, from: 0 })).logits
        // Serving rounds the inputs of a product to 8 bits.
        assert.ok(relativeError(await logits(ours), await logits(reference)) < 0.05)
        const train = (model: Model) =>
          model.train({
            state: { theta: adapter, m: adapter.map(() => 0), v: adapter.map(() => 0), step: 0 },
            batches: [0, 1, 2].map((n) => ({ tokens: someTokens(48, 96, `${n}`) })),
            exampleTokens: 24,
            optimiser: OPTIMISER,
            totalSteps: 3,
          })
        const [a, b] = [await train(ours), await train(reference)]
        assert.ok(relativeError(a.losses, b.losses) < 1e-5)
        assert.ok(relativeError(a.state.m, b.state.m) < 1e-4)
        await rm(folder, { recursive: true })
      })
    }
  }

  it('are not made over something else, least of all over the model itself', async () => {
    const folder = testFolder('quantised')
    await cp(join(VECTORS, 'untied'), folder, { recursive: true })
    const path = join(folder, 'model.safetensors')
    const weights = await readFile(path)
    await assert.rejects(
      quantiseModel(folder, folder, 4, () => {}),
      engineError('bad-input', /is not empty/),
    )
    assert.deepEqual(await readFile(path), weights)
    await rm(folder, { recursive: true })
  })

  it('are not made of weights that are no numbers', async () => {
    const folder = testFolder('quantised')
    const [broken, target] = [join(folder, 'broken'), join(folder, 'target')]
    await cp(join(VECTORS, 'untied'), broken, { recursive: true })
    const path = join(broken, 'model.safetensors')
    const bytes = await readFile(path)
    const name = 'model.layers.1.mlp.up_proj.weight'
    bytes.writeFloatLE(
      Number.NaN,
      parseHeader(bytes, bytes.length, '').tensors.get(name)!.offsetBytes,
    )
    await writeFile(path, bytes)
    await assert.rejects(
      quantiseModel(broken, target, 8, () => {}),
      engineError('bad-file', /layers\.1\.mlp\.up_proj\.weight holds a number that is not finite/),
    )
    await rm(folder, { recursive: true })
  })

  it('are refused where they are quantised twice, or their blocks are not those of the config', async () => {
    const folder = testFolder('quantised')
    await quantiseModel(join(VECTORS, 'untied'), folder, 4, () => {})
    await assert.rejects(
      quantiseModel(folder, join(folder, 'again'), 4, () => {}),
      engineError('unsupported-model', /quantised already/),
    )
    const path = join(folder, 'config.json')
    const json = JSON.parse(await readFile(path, 'utf8'))
    const change = async (quantization_config: object) =>
      writeFile(path, JSON.stringify({ ...json, quantization_config }))
    await change({ ...json.quantization_config, bits: 8 })
    await assert.rejects(openBaseModel(folder), engineError('bad-file', /asks for \[32,2,16\]/))
    await change({ ...json.quantization_config, block_size: 64 })
    await assert.rejects(
      openBaseModel(folder),
      engineError('unsupported-model', /block_size: 64 does not divide 32/),
    )
    await change({ quant_method: 'gptq', bits: 4, group_size: 128 })
    await assert.rejects(openBaseModel(folder), engineError('unsupported-model', /quant_method/))
    await rm(folder, { recursive: true })
  })
})

/** The quantised model as an ordinary one: each packed weight written out as floats. */
async function unpackModel(original: string, packed: string, target: string): Promise<void> {
  await cp(original, target, { recursive: true, filter: (path) => !path.endsWith('.safetensors') })
  await rm(join(target, 'model.safetensors.index.json'), { force: true })
  const base = await openBaseModel(packed)
  const file = await readFile(join(packed, 'model.safetensors'))
  const { tensors } = parseHeader(file, file.length, 'packed')
  const bytesOf = (name: string): Uint8Array => {
    const { offsetBytes, lengthBytes } = tensors.get(name)!
    return new Uint8Array(file.subarray(offsetBytes, offsetBytes + lengthBytes))
  }
  const written = [...tensors].flatMap(([name, { dtype, shape }]) => {
    if (name.endsWith('.scales')) return []
    if (dtype !== 'U8') return [{ name, dtype, shape, bytes: bytesOf(name) }]
    const scales = float32From(bytesOf(name.replace(/weight$/, 'scales')), 'F32')
    return [unpackTensor(base, name, bytesOf(name), scales, shape)]
  })
  await writeFile(join(target, 'model.safetensors'), writeSafetensors(written))
}

function unpackTensor(
  { config }: BaseModel,
  name: string,
  bytes: Uint8Array,
  scales: Float32Array,
  shape: readonly number[],
) {
  const { bits, blockSize } = config.packing!
  const [rows, columns] = [shape[0]!, shape[1]! * blockSize]
  const turned = familyOf(config).inputsFirst
  const values = new Float32Array(rows * columns)
  for (let i = 0; i < values.length; i++) {
    const integer = bits === 8 ? bytes[i]! : (bytes[i >> 1]! >> (4 * (i % 2))) & 15
    const [row, column] = [Math.floor(i / columns), i % columns]
    const place = turned ? column * rows + row : i
    values[place] = (integer - 2 ** (bits - 1)) * scales[Math.floor(i / blockSize)]!
  }
  const outer = turned ? [columns, rows] : [rows, columns]
  return { name, dtype: 'F32' as const, shape: outer, bytes: new Uint8Array(values.buffer) }
}
