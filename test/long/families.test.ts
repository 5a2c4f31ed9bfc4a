import { deepEqual } from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import type { Cid } from '../../protocol/fields.ts'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'
import { FineTuneSpec } from '../../protocol/tuning.ts'
import { checkAnswer } from '../../worker/effects/check-answer.ts'
import { checkTune } from '../../worker/effects/check-tune.ts'
import type { Finding } from '../../worker/effects/finding.ts'
import { executeTune } from '../../worker/effects/tune.ts'
import { familyOf, parseConfig } from '../../worker/engine/families/known.ts'
import { quantiseModel } from '../../worker/engine/files/quantise.ts'
import { type NamedTensor, writeSafetensors } from '../../worker/engine/files/safetensors.ts'
import { tensorShapes } from '../../worker/engine/graph/transformer.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import { ANSWER_ID, SEED, TUNE_ID, Workshop } from '../harness/workshop.ts'

const VECTORS = new URL('../vectors/engine/', import.meta.url)
const WEIGHTS_SEED = utf8('families, with 32 bytes of a seed')
const FAMILIES = ['untied', 'llama3', 'mistral', 'qwen2', 'qwen3', 'gpt2']
const KINDS = ['F32', 'F16', 'BF16', '8 bits', '4 bits'] as const
const PROMPTS = ['The river', 'a', 'stones and water '.repeat(3)]

describe('of every family and kind of weights', () => {
  let shop: Workshop
  const { signal } = new AbortController()

  before(async () => {
    shop = await Workshop.open()
  })

  after(() => shop.close())

  for (const family of FAMILIES) {
    for (const kind of KINDS) {
      it(`the work on ${family} in ${kind} holds when it is checked`, async () => {
        const folder = join(shop.folder, `${family} ${kind}`)
        writeModel(family, folder, kind)
        const packed = join(folder, 'packed')
        const bits = kind === '8 bits' ? 8 : kind === '4 bits' ? 4 : undefined
        if (bits) await quantiseModel(folder, packed, bits, () => {})
        const model = await shop.putModel(bits ? packed : folder)
        const { adapter, findings } = await tuned(model, folder)
        for (const text of PROMPTS) {
          for (const id of ['', adapter] as const) findings.push(await answered(model, id, text))
        }
        const said = findings.map(({ verdict, reason }) => `${verdict} ${reason}`)
        deepEqual(new Set(said), new Set(['pass none']))
      })
    }
  }

  async function tuned(model: Cid, folder: string) {
    const { content, knowledge, tuneJob } = shop
    const config = parseConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
    const lora = { rank: 4, alpha: 8, targets: [...familyOf(config).projections] }
    const spec = { ...(await content.get(FineTuneSpec, tuneJob.input, { signal })), lora }
    const job = { ...tuneJob, model, input: await content.put(FineTuneSpec, spec) }
    const hooks = { signal, onProgress: () => {} }
    const result = await executeTune(knowledge, content, TUNE_ID, job, SEED, hooks)
    const findings: Finding[] = []
    for (const label of ['a', 'b']) {
      const options = { signal, seed: SEED, beacon: keccak(utf8(label)) }
      const claim = shop.claim(TUNE_ID, result)
      findings.push(await checkTune(knowledge, content, job, claim, options))
    }
    return { adapter: result.output, findings }
  }

  async function answered(model: Cid, adapter: Cid | '', text: string): Promise<Finding> {
    const job = { ...(await shop.question(text, adapter, { logProbabilities: 2 })), model }
    const claim = shop.claim(ANSWER_ID, await shop.answer(job))
    return checkAnswer(shop.knowledge, shop.content, job, claim, signal)
  }
})

/** A model with random weights and the vocabulary of the one that ships. */
function writeModel(family: string, folder: string, kind: (typeof KINDS)[number]): void {
  const json = JSON.parse(readFileSync(new URL(`${family}/config.json`, VECTORS), 'utf8'))
  const context = 'n_positions' in json ? 'n_positions' : 'max_position_embeddings'
  Object.assign(json, { vocab_size: 4096, [context]: 256 })
  const dtype: NamedTensor['dtype'] = kind === 'F16' || kind === 'BF16' ? kind : 'F32'
  const tensors = [...tensorShapes(parseConfig(json))].map(([name, shape]) => {
    const source = random(WEIGHTS_SEED, name)
    const length = shape.reduce((product, size) => product * size, 1)
    const middle = shape.length === 1 ? 1 : 0
    const values = Float32Array.from({ length }, () => middle + (source.unit() - 0.5) * 0.8)
    return { name, dtype, shape, bytes: bytesOf(values, dtype) }
  })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.safetensors'), writeSafetensors(tensors, { format: 'pt' }))
  writeFileSync(join(folder, 'config.json'), JSON.stringify(json))
  copyFileSync(join(SHIPPED_MODEL, 'tokenizer.json'), join(folder, 'tokenizer.json'))
}

function bytesOf(values: Float32Array, dtype: NamedTensor['dtype']): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer)
  if (dtype === 'F16') return new Uint8Array(new Float16Array(values).buffer)
  const words = new Uint32Array(values.buffer)
  return new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer)
}
