import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { utf8 } from '../../../protocol/hash.ts'
import type { LoraSpec } from '../../../protocol/tuning.ts'
import { EngineError } from '../../../worker/engine/errors.ts'
import { familyOf } from '../../../worker/engine/families/known.ts'
import type { ModelConfig } from '../../../worker/engine/families/model-config.ts'
import {
  ADAPTER_WEIGHTS_FILE,
  type AdapterFiles,
  readAdapter,
  writeAdapter,
} from '../../../worker/engine/files/adapters.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { ADAPTER_CONFIG_FILE } from '../../../worker/engine/files/peft-config.ts'
import { parseHeader, writeSafetensors } from '../../../worker/engine/files/safetensors.ts'
import { initialState, loraLayout, turnForServing } from '../../../worker/engine/lora.ts'
import { engineError, SEED, someAdapter, TINY, VECTORS } from './fixtures.ts'

describe('adapters', () => {
  const open = async (name = 'untied') => {
    const { config } = await openBaseModel(join(VECTORS, name))
    const directory = join(VECTORS, name, 'adapter')
    const files: AdapterFiles = {
      config: await readFile(join(directory, ADAPTER_CONFIG_FILE)),
      weights: await readFile(join(directory, ADAPTER_WEIGHTS_FILE)),
    }
    return { config, files }
  }

  it('come back from their files to the last bit, whatever is adapted', async () => {
    for (const name of ['untied', 'gpt2']) await comeBack((await open(name)).config)
  })

  const comeBack = async (config: ModelConfig) => {
    const { projections } = familyOf(config)
    const spec = fc.record(
      {
        rank: fc.integer({ min: 1, max: 9 }),
        alpha: fc.integer({ min: 1, max: 256 }),
        targets: fc.subarray([...projections], { minLength: 1 }),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(spec, (lora) => {
        const theta = someAdapter(loraLayout(config, lora).size)
        const read = readAdapter(config, writeAdapter(config, { lora, theta }, 'base'))
        assert.deepEqual(read, { lora, theta })
      }),
      { numRuns: 30 },
    )
  }

  it('have the tensors that PEFT saves, with the same names, shapes and numbers', async () => {
    for (const name of ['untied', 'tied', 'gpt2']) {
      const { config, files } = await open(name)
      const written = writeAdapter(config, readAdapter(config, files), 'base')
      const contents = ({ weights }: AdapterFiles) =>
        [...parseHeader(weights, weights.length, 'x').tensors]
          .map(
            ([key, { dtype, shape, offsetBytes, lengthBytes }]) =>
              [
                key,
                dtype,
                shape,
                [...weights.subarray(offsetBytes, offsetBytes + lengthBytes)],
              ] as const,
          )
          .sort(([a], [b]) => (a < b ? -1 : 1))
      assert.deepEqual(contents(written), contents(files))
    }
  })

  it('are refused where they were made for another base model, rank or targets', async () => {
    const { config, files } = await open()
    const wide: ModelConfig = { ...config, feedForward: 64 }
    assert.throws(
      () => readAdapter(wide, files),
      engineError(
        'bad-adapter',
        /adapter_model\.safetensors: .*gate_proj\.lora_B\.weight: has shape \[48,4\].*\[64,4\]/,
      ),
    )
    const deep: ModelConfig = { ...config, layers: 3 }
    assert.throws(
      () => readAdapter(deep, files),
      engineError('bad-adapter', /layers\.2.*is missing/),
    )
    const shallow: ModelConfig = { ...config, layers: 1 }
    assert.throws(
      () => readAdapter(shallow, files),
      engineError('bad-adapter', /layers\.1.*fits no target/),
    )
  })

  it('are refused with the field that asks for what the engine cannot do', async () => {
    const { config, files } = await open()
    const json = JSON.parse(new TextDecoder().decode(files.config)) as Record<string, unknown>
    const refused = (change: Record<string, unknown>, field: RegExp) => {
      const changed = { ...files, config: utf8(JSON.stringify({ ...json, ...change })) }
      assert.throws(() => readAdapter(config, changed), engineError('bad-adapter', field))
    }
    refused({ r: 5 }, /lora_A\.weight: has shape \[4,32\]/)
    refused({ r: 0 }, /adapter_config\.json: r:/)
    refused({ r: 1e9 }, /adapter_config\.json: r:/)
    refused({ lora_alpha: 0 }, /lora_alpha/)
    refused({ use_rslora: 'yes' }, /use_rslora/)
    refused({ fan_in_fan_out: true }, /fan_in_fan_out.*llama/)
    refused({ use_dora: true }, /use_dora: true is not supported/)
    for (const change of ['pissa', 'pissa_niter_4', 'olora', 'loftq', 'corda', 'lora_ga']) {
      refused({ init_lora_weights: change }, new RegExp(`init_lora_weights: "${change}"`))
    }
    refused({ rank_pattern: { q_proj: 2 } }, /q_proj\.lora_A\.weight: has shape \[4,32\].*\[2,32\]/)
    refused({ rank_pattern: { '(a+)+$': 2 } }, /rank_pattern.*Invalid key/)
    refused({ alpha_pattern: { q_proj: -1 } }, /alpha_pattern/)
    refused({ modules_to_save: ['lm_head'] }, /modules_to_save/)
    refused({ bias: 'all' }, /bias/)
    refused({ target_modules: 'all-linear' }, /target_modules/)
    refused({ target_modules: ['lm_head'] }, /"lm_head" is not supported/)
    refused({ target_modules: ['q_proj'] }, /fits no target module/)
    refused({ peft_type: 'IA3' }, /peft_type/)
    const text = { ...files, config: utf8('{"r": 4,') }
    assert.throws(() => readAdapter(config, text), engineError('bad-adapter', /no JSON/))
    const long = { ...files, config: new Uint8Array(100_000) }
    assert.throws(() => readAdapter(config, long), engineError('bad-adapter', /size/))
  })

  it('take the dots of a pattern as PEFT does, for any character', async () => {
    const { config, files } = await open()
    const json = JSON.parse(new TextDecoder().decode(files.config)) as Record<string, unknown>
    const read = (alpha_pattern: Record<string, number>) =>
      readAdapter(config, { ...files, config: utf8(JSON.stringify({ ...json, alpha_pattern })) })
    assert.deepEqual(read({ 'q.proj': 3 }), read({ q_proj: 3 }))
    assert.notDeepEqual(read({ q_proj: 3 }), read({}))
    assert.deepEqual(read({ proj: 3 }), read({}))
  })

  it('are refused for a target that the family does not have', async () => {
    const { config } = await open('gpt2')
    const lora: LoraSpec = { rank: 2, alpha: 2, targets: ['gate'] }
    assert.throws(
      () => loraLayout(config, lora),
      engineError('bad-adapter', /"gate".*gpt2 family has qkv, o, up, down/),
    )
  })

  it('are refused where a number is missing or not finite', async () => {
    const { config, files } = await open()
    for (let length = 0; length < files.weights.length; length += 97) {
      const cut = { ...files, weights: files.weights.subarray(0, length) }
      assert.throws(() => readAdapter(config, cut), engineError('bad-adapter', /adapter_model/))
    }
    const header = parseHeader(files.weights, files.weights.length, '')
    const integers = [...header.tensors].map(([name, { shape, offsetBytes, lengthBytes }]) => {
      const bytes = files.weights.subarray(offsetBytes, offsetBytes + lengthBytes)
      return { name, dtype: 'I32' as const, shape, bytes }
    })
    assert.throws(
      () => readAdapter(config, { ...files, weights: writeSafetensors(integers) }),
      engineError('bad-adapter', /lora_A\.weight: is I32/),
    )
    const weights = files.weights.slice()
    weights.set([0, 0, 0xc0, 0x7f], weights.length - 4)
    const broken = { ...files, weights: new Uint8Array(weights) }
    broken.weights.set([0, 0, 0xc0, 0x7f], broken.weights.length - 4)
    assert.throws(() => readAdapter(config, broken), engineError('bad-adapter', /holds NaN at/))
  })

  it('are read or refused whatever bytes are flipped, and nothing else is thrown', async () => {
    const { config, files } = await open()
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (inConfig, place, mask) => {
          const name = inConfig ? 'config' : 'weights'
          const broken = new Uint8Array(files[name])
          // Most flips go into the header, where they can do harm.
          broken[place % Math.min(broken.length, 3000)]! ^= mask
          try {
            readAdapter(config, { ...files, [name]: broken })
          } catch (error) {
            assert.ok(error instanceof EngineError, `threw ${error}`)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('start with A as PEFT draws it and B zero, the same for the same seed', async () => {
    const { config } = await openBaseModel(TINY)
    const layout = loraLayout(config, { rank: 4, alpha: 8, targets: ['down', 'q'] })
    assert.deepEqual(
      layout.modules.map(({ projection, layer }) => `${layer} ${projection}`),
      ['0 q', '0 down', '1 q', '1 down'],
    )
    const { theta, m, v, step } = initialState(layout, SEED)
    for (const { inputs, aStart, bStart, end } of layout.modules) {
      const a = theta.subarray(aStart, bStart)
      const bound = 1 / Math.sqrt(inputs)
      assert.ok(a.every((value) => Math.abs(value) <= bound))
      assert.ok(Math.max(...a) > bound * 0.8 && Math.min(...a) < -bound * 0.8)
      assert.ok(theta.subarray(bStart, end).every((value) => value === 0))
    }
    assert.ok([...m, ...v, step].every((value) => value === 0))
    assert.deepEqual(initialState(layout, SEED).theta, theta)
  })

  it('are turned and scaled for serving', async () => {
    const { config } = await openBaseModel(TINY)
    const layout = loraLayout(config, { rank: 2, alpha: 6, targets: ['down'] })
    const [module] = layout.modules
    const theta = Float32Array.from({ length: layout.size }, (_, index) => index)
    const slot = await turnForServing(layout, theta)
    assert.equal(slot[1], 1)
    assert.equal(slot[module!.bStart + 1], 3 * (module!.bStart + 2))
  })
})
