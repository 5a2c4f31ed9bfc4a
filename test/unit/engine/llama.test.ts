import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'mocha'
import { openBaseModel } from '../../../worker/engine/base-model.ts'
import { parseConfig } from '../../../worker/engine/families.ts'
import { rotaryTables } from '../../../worker/engine/transformer.ts'
import { testFolder } from '../../harness/folders.ts'
import { BROOK, engineError, TINY } from './fixtures.ts'

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

describe('Llama family', () => {
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
  })

  it('refuses what it cannot do, naming the field', () => {
    const refused = (change: object, field: RegExp) =>
      assert.throws(
        () => parseConfig({ ...CONFIG, ...change }),
        engineError('unsupported-model', field),
      )
    refused({ model_type: 'mamba' }, /model_type/)
    refused({ hidden_act: 'gelu' }, /hidden_act/)
    refused({ rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rope_scaling.*low_freq_factor/)
    refused({ rope_scaling: { type: 'linear' } }, /rope_scaling\.factor/)
    refused({ rope_parameters: { rope_theta: 5, rope_type: 'yarn' } }, /rope_parameters\.rope_type/)
    refused({ quantization_config: {} }, /quantization_config/)
    refused({ sliding_window: 64 }, /sliding_window/)
    refused({ num_key_value_heads: 3 }, /num_key_value_heads/)
    refused({ head_dim: 7 }, /head_dim/)
    refused({ vocab_size: 0 }, /vocab_size/)
    refused({ vocab_size: '100' }, /vocab_size/)
    refused({ num_hidden_layers: 1e9 }, /num_hidden_layers/)
    refused({ rms_norm_eps: undefined }, /rms_norm_eps/)
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

  it('refuses a file whose tensors are not those of the config', async () => {
    const directory = testFolder('engine')
    await cp(TINY, directory, { recursive: true })
    const path = join(directory, 'config.json')
    const json = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...json, num_hidden_layers: 3 }))
    await assert.rejects(
      openBaseModel(directory),
      engineError('bad-file', /no tensor model\.layers\.2/),
    )
    await writeFile(path, JSON.stringify({ ...json, intermediate_size: 50 }))
    await assert.rejects(
      openBaseModel(directory),
      engineError('bad-file', /gate_proj.*\[48,32\].*\[50,32\]/),
    )
    await rm(directory, { recursive: true })
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
