import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Adapter } from '../../../protocol/adapter.ts'
import type { Cid } from '../../../protocol/fields.ts'
import { utf8 } from '../../../protocol/hash.ts'
import { FilesManifest } from '../../../protocol/manifest.ts'
import { Knowledge } from '../../../worker/effects/knowledge.ts'
import { createEngine, type Engine } from '../../../worker/engine/engine.ts'
import { ADAPTER_WEIGHTS_FILE } from '../../../worker/engine/files/adapters.ts'
import { ADAPTER_CONFIG_FILE } from '../../../worker/engine/files/peft-config.ts'
import { MOST_KEPT } from '../../../worker/engine/kept.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { MemoryContent } from '../../harness/memory-content.ts'
import { BROOK, engineError, LORA, VECTORS } from '../engine/fixtures.ts'

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json']

describe('a base model that somebody names', () => {
  let folder: string
  let engine: Engine
  let content: MemoryContent

  beforeEach(() => {
    folder = testFolder('knowledge')
    engine = createEngine({ threads: 1 })
    content = new MemoryContent()
  })

  afterEach(async () => {
    await engine[Symbol.asyncDispose]()
    removeFolder(folder)
  })

  const know = (mostBytes = 2 ** 40, idleMs = 0) =>
    new Knowledge(content, engine, folder, { mostBytes, idleMs, log: createLogger('silent') })
  const held = () => readdirSync(join(folder, 'models'))
  /** A model of the engine's tests, with all that makes a whole tokenizer. */
  const publishVector = (name: string): Promise<Cid> => {
    const read = (file: string) => readFileSync(join(VECTORS, name, file))
    const json = JSON.parse(read('tokenizer.json').toString())
    const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
    const tokenizer = { added_tokens: [], ...parts, ...json, model: { merges: [], ...json.model } }
    return content.putFiles(
      FILES.map((file) => ({
        name: file,
        content: file === 'tokenizer.json' ? utf8(JSON.stringify(tokenizer)) : read(file),
      })),
    )
  }
  const publish = (change: Readonly<Record<string, string>> = {}): Promise<Cid> =>
    content.putFiles(
      FILES.map((name) => {
        const changed = change[name]
        return { name, content: changed ? utf8(changed) : readFileSync(join(BROOK, name)) }
      }),
    )

  it('does not stay on disk where it cannot be opened, and is fetched no more', async () => {
    const knowledge = know()
    const broken = { 'config.json': '{}', 'model.safetensors': 'no tensors', 'tokenizer.json': '[' }
    for (const [name, text] of Object.entries(broken)) {
      const model = await publish({ [name]: text })
      assert.ok(!knowledge.isFaulty(model))
      await assert.rejects(knowledge.base(model, LORA), /./)
      assert.ok(knowledge.isFaulty(model))
      assert.deepEqual(held(), [], name)
      content.blocks.clear()
      // Whoever fetched it would find that nobody has it.
      await assert.rejects(knowledge.base(model), (error: Error) => error.name === 'EngineError')
    }
  })

  it('takes no adapter whose files are larger than their sum says', async () => {
    const knowledge = know()
    const base = await knowledge.base(await publish(), LORA)
    const weights = { name: ADAPTER_WEIGHTS_FILE, cid: await content.putFile(new Uint8Array(9)) }
    const config = { name: ADAPTER_CONFIG_FILE, cid: weights.cid, bytes: 9 }
    const files = await content.put(FilesManifest, {
      files: [config, { ...weights, bytes: 60 * 2 ** 30 }],
      ...{ totalBytes: 18, blocks: 2, depth: 1, codecs: [] },
    })
    await assert.rejects(
      knowledge.readTheta({ files } as Adapter, base, AbortSignal.timeout(10_000)),
      /contradict themselves/,
    )
  })

  it('answers without an adapter, whatever its family', async () => {
    const knowledge = know()
    for (const name of ['gpt2', 'qwen3']) {
      const { model } = await knowledge.base(await publishVector(name))
      assert.equal(model.info.config.family, name)
    }
  })

  it('stays where only the adapter does not fit', async () => {
    const knowledge = know()
    const model = await publish()
    const strange = { ...LORA, targets: ['qkv' as const] }
    await assert.rejects(knowledge.base(model, strange), engineError('bad-adapter'))
    assert.deepEqual(held(), [model])
    assert.equal((await knowledge.base(model, LORA)).model.info.vocabSize, 4096)
  })

  it('is fetched again where its copy on disk is damaged', async () => {
    const model = await publish()
    await know().base(model, LORA)
    writeFileSync(join(folder, 'models', model, 'config.json'), '{')
    await engine.restart()
    const knowledge = know()
    await assert.rejects(knowledge.base(model, LORA), engineError('bad-file'))
    assert.ok(!knowledge.isFaulty(model))
    assert.equal((await knowledge.base(model, LORA)).model.info.vocabSize, 4096)
  })

  it('stays while another has it open, whatever a later look at it says', async () => {
    const knowledge = know()
    const model = await publish()
    const { model: opened } = await knowledge.base(model, LORA)
    const config = join(folder, 'models', model, 'config.json')
    const sound = readFileSync(config)
    writeFileSync(config, '{')
    await engine.restart()
    await assert.rejects(knowledge.base(model, { ...LORA, alpha: 1 }), engineError('bad-file'))
    writeFileSync(config, sound)
    assert.equal((await opened.loss({ examples: [Int32Array.of(1, 2, 3)] })).length, 1)
  })

  it('goes when there is no room for it and others were used since, unless it is at hand or was just used', async () => {
    const models: Cid[] = []
    for (let number = 0; number < MOST_KEPT + 2; number++) {
      // As the tokenizer's file has it, with other white space: another content.
      const text = `${readFileSync(join(BROOK, 'config.json'), 'utf8')}${' '.repeat(number)}`
      models.push(await publish({ 'config.json': text }))
    }
    for (const model of models) await know(1, 60_000).base(model, LORA)
    assert.equal(held().length, models.length)
    const knowledge = know(1)
    for (const model of models) await knowledge.base(model, LORA)
    assert.deepEqual(held().sort(), models.slice(-MOST_KEPT).sort())
    const again = await knowledge.base(models[0]!, LORA)
    assert.equal(again.model.info.vocabSize, 4096)
  }).timeout(60_000)
})
