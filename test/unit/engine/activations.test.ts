import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { parseConfig } from '../../../worker/engine/families/known.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { checkActivations } from '../../../worker/engine/training/activations.ts'
import { BROOK, engineError } from './fixtures.ts'

const GIB = 2 ** 30

/** As Qwen 2.5 of half a billion parameters has it. */
const QWEN = {
  model_type: 'qwen2',
  vocab_size: 151_936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-6,
}

describe('memory of a run', () => {
  it('is refused where no machine of this size has it', () => {
    const config = parseConfig(QWEN)
    const { layers } = config
    const long = { layers, rows: 1, time: 4096 }
    assert.throws(
      () => checkActivations(config, long, 12 * GIB),
      engineError('over-budget', /1 texts of 4096 tokens takes about .* GiB.*shorter texts/),
    )
    checkActivations(config, { ...long, layers: 1 }, 16 * GIB)
    checkActivations(config, { ...long, time: 256 }, 12 * GIB)
  })

  it('is there for all that the model that ships can read', async () => {
    const { config } = await openBaseModel(BROOK)
    checkActivations(
      config,
      { layers: config.layers, rows: 1, time: config.contextTokens },
      GIB / 4,
    )
  })
})
