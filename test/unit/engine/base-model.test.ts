import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createEngine } from '../../../worker/engine/engine.ts'
import { EngineError } from '../../../worker/engine/errors.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import {
  type NamedTensor,
  parseHeader,
  writeSafetensors,
} from '../../../worker/engine/files/safetensors.ts'
import { testFolder } from '../../harness/folders.ts'
import { engineError, LORA, SEED, someTokens, VECTORS } from './fixtures.ts'

const WEIGHTS = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

describe('base models', () => {
  let directory: string
  beforeEach(() => {
    directory = testFolder('engine')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const copy = (name: string) => cp(join(VECTORS, name), directory, { recursive: true })
  const edit = async (file: string, change: (json: Record<string, unknown>) => object) => {
    const path = join(directory, file)
    const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify({ ...json, ...change(json) }))
  }
  const refused = (message: RegExp) =>
    assert.rejects(openBaseModel(directory), engineError('bad-file', message))

  it('are refused where the weights are not those of the config', async () => {
    await copy('untied')
    await edit('config.json', () => ({ num_hidden_layers: 3 }))
    await refused(/no tensor model\.layers\.2/)
    await edit('config.json', () => ({ num_hidden_layers: 2, intermediate_size: 50 }))
    await refused(/model\.safetensors: .*gate_proj.*\[48,32\].*\[50,32\]/)
  })

  it('are refused where the tokenizer has another vocabulary', async () => {
    await copy('untied')
    await edit('tokenizer.json', () => ({ model: { vocab: { a: 96 } } }))
    await refused(/tokenizer\.json has token 96, but vocab_size is 96/)
    await edit('tokenizer.json', () => ({ model: {} }))
    await refused(/tokenizer\.json: model\.vocab/)
    await edit('tokenizer.json', () => ({ model: { vocab: null } }))
    await refused(/tokenizer\.json: model\.vocab/)
    await edit('tokenizer.json', () => ({ model: { vocab: new Array(97).fill(['a', 0]) } }))
    await refused(/tokenizer\.json has token 96, but vocab_size is 96/)
    await edit('tokenizer.json', () => ({ model: { vocab: { a: 1 } }, added_tokens: [{}] }))
    await refused(/tokenizer\.json: added_tokens\.0\.id/)
    await edit('tokenizer.json', () => ({ added_tokens: 5 }))
    await refused(/tokenizer\.json: added_tokens/)
    await writeFile(join(directory, 'tokenizer.json'), '[')
    await refused(/tokenizer\.json cannot be read as JSON/)
  })

  it('are refused where tied tables are two', async () => {
    await copy('untied')
    await edit('config.json', () => ({ tie_word_embeddings: true }))
    await refused(/lm_head\.weight is another table than model\.embed_tokens\.weight.*tie_word/)
    const path = join(directory, WEIGHTS)
    const bytes = await readFile(path)
    const { tensors } = parseHeader(bytes, bytes.length, WEIGHTS)
    const [from, to] = ['model.embed_tokens.weight', 'lm_head.weight'].map(
      (name) => tensors.get(name)!,
    )
    bytes.copyWithin(to!.offsetBytes, from!.offsetBytes, from!.offsetBytes + from!.lengthBytes)
    await writeFile(path, bytes)
    const { config } = await openBaseModel(directory)
    assert.ok(config.tied)
  })

  it('lie in several files that an index names', async () => {
    const { places } = await openBaseModel(join(VECTORS, 'qwen2'))
    const files = new Set([...places.values()].map(({ file }) => file))
    assert.equal(files.size, 3)
  })

  it('are refused where the index names what is not there, or what is not beside it', async () => {
    await copy('qwen2')
    const [first, second] = [1, 2].map((n) => `model-0000${n}-of-00003.safetensors`) as [
      string,
      string,
    ]
    const mapped = (change: object) => (json: Record<string, unknown>) => ({
      weight_map: { ...(json['weight_map'] as object), ...change },
    })
    await edit(INDEX, mapped({ 'model.norm.weight': '../../etc/passwd' }))
    await refused(/weight_map\.model\.norm\.weight: must be the name of a \.safetensors file/)
    await edit(INDEX, mapped({ 'model.norm.weight': 'other.safetensors' }))
    await refused(/other\.safetensors cannot be opened/)
    const { places } = await openBaseModel(join(VECTORS, 'qwen2'))
    const wrong = places.get('model.norm.weight')!.file === first ? second : first
    await edit(INDEX, mapped({ 'model.norm.weight': wrong }))
    await refused(/says that model\.norm\.weight is in .*, where it is not/)
    await rm(join(directory, first))
    await refused(/cannot be opened/)
    await writeFile(join(directory, INDEX), '{}')
    await refused(/weight_map/)
  })

  it('may leave out the name of the decoder, and hold masks that nobody needs', async () => {
    await copy('gpt2')
    const path = join(directory, WEIGHTS)
    const bytes = await readFile(path)
    const tensors = [...parseHeader(bytes, bytes.length, WEIGHTS).tensors].map(
      ([name, { dtype, shape, offsetBytes, lengthBytes }]): NamedTensor => ({
        name: name.replace(/^transformer\./, ''),
        dtype,
        shape,
        bytes: bytes.subarray(offsetBytes, offsetBytes + lengthBytes),
      }),
    )
    const mask = { name: 'h.0.attn.bias', dtype: 'BOOL', shape: [3], bytes: new Uint8Array(3) }
    await writeFile(path, writeSafetensors([...tensors, mask as NamedTensor]))
    const { places } = await openBaseModel(directory)
    assert.ok(places.has('transformer.h.1.mlp.c_fc.weight'))
    const integers = tensors.map((tensor) =>
      tensor.name === 'ln_f.bias' ? { ...tensor, dtype: 'I32' as const } : tensor,
    )
    await writeFile(path, writeSafetensors(integers))
    await refused(/ln_f\.bias is I32; it must be F32/)
  })

  it('are named, with the weight, where a weight is no number', async () => {
    await copy('untied')
    const path = join(directory, WEIGHTS)
    const bytes = await readFile(path)
    const { tensors } = parseHeader(bytes, bytes.length, WEIGHTS)
    bytes.writeFloatLE(Number.NaN, tensors.get('model.norm.weight')!.offsetBytes + 8)
    await writeFile(path, bytes)
    await using engine = createEngine({ threads: 1 })
    const model = await engine.open(directory, LORA)
    const expected = engineError('bad-file', /safetensors: model\.norm\.weight holds NaN at 2/)
    const tokens = [...someTokens(5, 96)]
    await assert.rejects(model.prefill({ tokens, from: 0 }), expected)
    await assert.rejects(model.loss({ examples: [Int32Array.from(tokens)] }), expected)
    const request = { prompt: tokens, maxTokens: 2, seed: SEED, stopTokens: [] }
    const sampler = { temperature: 1, topK: 5 }
    await assert.rejects(model.generate({ ...request, sampler }), expected)
  })

  it('are opened or refused whatever a config says, and nothing else is thrown', async () => {
    await copy('untied')
    const path = join(directory, 'config.json')
    const config = await readFile(path)
    const flips = fc.array(fc.tuple(fc.nat(config.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const broken = new Uint8Array(config)
        for (const [place, mask] of changes) broken[place]! ^= mask
        await writeFile(path, broken)
        await openBaseModel(directory).catch((error: unknown) => {
          assert.ok(error instanceof EngineError, `threw ${error}`)
        })
      }),
      { numRuns: 300 },
    )
    const absurd = fc.record({
      field: fc.constantFrom('hidden_size', 'num_attention_heads', 'head_dim', 'vocab_size'),
      value: fc.oneof(fc.integer(), fc.double(), fc.constant(2 ** 20), fc.string()),
    })
    await writeFile(path, config)
    await fc.assert(
      fc.asyncProperty(absurd, async ({ field, value }) => {
        await writeFile(path, JSON.stringify({ ...JSON.parse(`${config}`), [field]: value }))
        await openBaseModel(directory).catch((error: unknown) => {
          assert.ok(error instanceof EngineError, `threw ${error}`)
        })
      }),
      { numRuns: 200 },
    )
  })
})
