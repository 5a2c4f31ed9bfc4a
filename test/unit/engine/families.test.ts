import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'mocha'
import { parseConfig } from '../../../worker/engine/families/known.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { rotaryTables } from '../../../worker/engine/graph/transformer.ts'
import { BROOK, engineError } from './fixtures.ts'

const CONFIG = {
  model_type: 'llama',
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
}

describe('families', () => {
  it('fills in what a config may leave out', () => {
    const config = parseConfig(CONFIG)
    assert.equal(config.keyValueHeads, 4)
    assert.equal(config.headSize, 8)
    assert.equal(config.rotaryFrequencies![1], Math.fround(10_000 ** -0.25))
    assert.equal(config.tied, false)
  })

  it('reads the rotary base from where old and new configs keep it', () => {
    const second = (config: object) => parseConfig(config).rotaryFrequencies![1]
    assert.equal(second({ ...CONFIG, rope_theta: 16 }), 0.5)
    const rope_parameters = { rope_theta: 81, rope_type: 'default' }
    assert.equal(second({ ...CONFIG, rope_parameters }), Math.fround(1 / 3))
    // As the library reads them where both are there.
    const rope_scaling = { rope_type: 'linear', factor: 2 }
    assert.equal(second({ ...CONFIG, rope_theta: 16, rope_parameters, rope_scaling }), 0.25)
    const own = { ...rope_scaling, rope_theta: 256 }
    assert.equal(second({ ...CONFIG, rope_theta: 16, rope_scaling: own }), 0.125)
    const nothing = { ...CONFIG, rope_parameters, rope_scaling: {} }
    assert.equal(second(nothing), Math.fround(1 / 3))
  })

  it('goes by the original context beside the scaling, where that says another', () => {
    const scaling = { factor: 8, low_freq_factor: 1, high_freq_factor: 4 }
    const llama3 = (within: number, beside?: number) =>
      parseConfig({
        ...CONFIG,
        rope_parameters: {
          ...scaling,
          rope_type: 'llama3',
          original_max_position_embeddings: within,
        },
        ...(beside && { original_max_position_embeddings: beside }),
      }).rotaryFrequencies
    assert.deepEqual(llama3(512, 2048), llama3(2048))
    assert.notDeepEqual(llama3(512), llama3(2048))
  })

  it("takes Qwen 3's heads for as wide as the library does where it does not say", () => {
    assert.equal(parseConfig({ ...CONFIG, model_type: 'qwen3' }).headSize, 128)
  })

  it('refuses what it cannot do, naming the field', () => {
    const refused = (change: object, field: RegExp) =>
      assert.throws(
        () => parseConfig({ ...CONFIG, ...change }),
        engineError('unsupported-model', field),
      )
    refused({ hidden_act: 'gelu' }, /hidden_act/)
    refused({ rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rope_scaling.*low_freq_factor/)
    refused({ rope_scaling: { type: 'linear' } }, /rope_scaling\.factor/)
    refused({ rope_parameters: { rope_theta: 5, rope_type: 'yarn' } }, /rope_parameters\.rope_type/)
    refused({ quantization_config: {} }, /quantization_config/)
    refused({ sliding_window: 64 }, /sliding_window/)
    refused({ num_key_value_heads: 3 }, /num_key_value_heads/)
    refused({ head_dim: 7 }, /head_dim/)
    refused({ head_dim: 2048 }, /head_dim/)
    refused({ hidden_size: 8192 }, /head_dim: heads of 2048 numbers/)
    refused({ vocab_size: 0 }, /vocab_size/)
    refused({ vocab_size: '100' }, /vocab_size/)
    refused({ num_hidden_layers: 1e9 }, /num_hidden_layers/)
    refused({ num_hidden_layers: 65 }, /num_hidden_layers/)
    refused({ rms_norm_eps: undefined }, /rms_norm_eps/)
    refused({ is_causal: false }, /is_causal: only true or nothing/)
    const linear = { rope_type: 'linear' }
    refused({ rope_parameters: linear }, /rope_parameters\.factor/)
    refused({ rope_parameters: { full_attention: linear } }, /rope_parameters\.full_attention/)
    assert.throws(() => parseConfig([]), engineError('unsupported-model'))
  })

  it('turns position 0 by nothing and keeps every rotation a rotation', () => {
    const config = parseConfig(CONFIG)
    const { cos, sin } = rotaryTables(config.rotaryFrequencies!, config.contextTokens)
    assert.ok(cos.subarray(0, 8).every((value) => value === 1))
    assert.ok(sin.subarray(0, 8).every((value) => value === 0))
    for (const [index, value] of cos.entries()) {
      assert.ok(Math.abs(value ** 2 + sin[index]! ** 2 - 1) < 1e-6)
    }
  })

  it('refuses a family that it does not know, and lists those that it knows', () => {
    assert.throws(
      () => parseConfig({ ...CONFIG, model_type: 'mamba' }),
      engineError('unsupported-model', /"mamba" is none of llama, mistral, qwen2, qwen3, gpt2/),
    )
  })

  it('keeps windows of Qwen to the layers that its config says', () => {
    const qwen = { ...CONFIG, model_type: 'qwen2', sliding_window: 8, max_window_layers: 1 }
    assert.deepEqual(parseConfig(qwen).windows, [0, 0])
    assert.deepEqual(parseConfig({ ...qwen, use_sliding_window: true }).windows, [0, 8])
    const layer_types = ['sliding_attention', 'full_attention']
    const typed = { ...qwen, use_sliding_window: true, layer_types }
    assert.deepEqual(parseConfig(typed).windows, [8, 0])
    assert.throws(
      () => parseConfig({ ...typed, use_sliding_window: false }),
      engineError('unsupported-model', /layer_types: layer 0 slides, but no window/),
    )
    assert.throws(
      () => parseConfig({ ...typed, layer_types: ['full_attention'] }),
      engineError('unsupported-model', /layer_types: 1 entries for 2 layers/),
    )
  })

  it('refuses what GPT-2 cannot be, naming the field', () => {
    const gpt2 = {
      model_type: 'gpt2',
      vocab_size: 100,
      n_embd: 32,
      n_layer: 2,
      n_head: 4,
      n_positions: 64,
      layer_norm_epsilon: 1e-5,
    }
    assert.equal(parseConfig(gpt2).feedForward, 128)
    const refused = (change: object, field: RegExp) =>
      assert.throws(
        () => parseConfig({ ...gpt2, ...change }),
        engineError('unsupported-model', field),
      )
    refused({ n_head: 5 }, /n_head: 5 does not divide/)
    refused({ activation_function: 'relu' }, /activation_function/)
    refused({ scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx/)
    refused({ n_layer: 300 }, /n_layer/)
    refused({ num_hidden_layers: 1 }, /num_hidden_layers: is 1, but n_layer is 2/)
    assert.equal(parseConfig({ ...gpt2, num_hidden_layers: 2 }).layers, 2)
  })

  it('has a member that ships with the repository, in at most ten million bytes', async () => {
    const { config, parameterCount } = await openBaseModel(BROOK)
    assert.equal(parameterCount, 3_950_848)
    assert.equal(config.contextTokens, 512)
    const names = await readdir(BROOK)
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(BROOK, name))).size))
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 10_000_000)
    assert.ok(names.includes('README.md'))
  })
})
