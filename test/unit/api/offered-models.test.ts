import { deepEqual, equal, rejects } from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, beforeEach, describe, it } from 'mocha'
import { storeModels } from '../../../worker/api/offered-models.ts'
import { SHIPPED_MODEL } from '../../../worker/shipped-model.ts'
import type { Content } from '../../../worker/storage/content.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { cidNumber } from '../../harness/messages.ts'

describe('the base models that a node offers', () => {
  const data = testFolder('offered')
  const stored: string[] = []
  const content = {
    putFolder: async (folder: string, names: readonly string[]) => {
      stored.push(`${basename(folder)}: ${names.join(' ')}`)
      return cidNumber(stored.length)
    },
  } as unknown as Content
  const offer = (...folders: string[]) =>
    storeModels(folders, data, content, createLogger('silent'))

  beforeEach(() => {
    removeFolder(data)
    mkdirSync(data, { recursive: true })
    stored.length = 0
  })

  after(() => removeFolder(data))

  function copyAs(name: string): string {
    const folder = join(data, name)
    cpSync(SHIPPED_MODEL, folder, { recursive: true })
    return folder
  }

  it('are stored with all their files, once: a folder that is as it was is not read again', async () => {
    const folder = copyAs('own')
    writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id":0}')
    const [own, shipped] = await offer(folder, SHIPPED_MODEL)
    equal(own!.name, 'own')
    equal(shipped!.name, 'brook-4m')
    equal(own!.contextTokens, 512)
    const files = 'model.safetensors tokenizer.json tokenizer_config.json'
    deepEqual(stored, [
      `own: chat_template.jinja config.json generation_config.json ${files}`,
      `brook-4m: chat_template.jinja config.json ${files}`,
    ])
    const again = await offer(SHIPPED_MODEL, folder)
    deepEqual([again[1]!.cid, again[0]!.cid], [own!.cid, shipped!.cid])
    equal(stored.length, 2)
    const path = join(folder, 'tokenizer_config.json')
    writeFileSync(path, `${readFileSync(path, 'utf8')} `)
    await offer(folder)
    equal(stored.length, 3)
    writeFileSync(join(data, 'offered-models.json'), '{"torn')
    await offer(folder)
    equal(stored.length, 4)
  })

  it('are looked at before anything is stored', async () => {
    const folder = copyAs('odd')
    writeFileSync(join(folder, 'config.json'), '{"model_type":"mamba"}')
    const refusal = { name: 'ConfigError', message: /models: .*odd holds no base model .*mamba/ }
    await rejects(offer(folder), refusal)
    await rejects(offer(join(data, 'nowhere')), /nowhere holds no base model/)
    deepEqual(stored, [])
  })

  it('have each a name of their own', async () => {
    const folder = copyAs('brook-4m')
    await rejects(offer(folder, SHIPPED_MODEL), /two folders are named brook-4m/)
    equal((await offer(SHIPPED_MODEL, SHIPPED_MODEL)).length, 1)
  })
})
