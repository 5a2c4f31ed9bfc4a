import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import type { AttributionSource } from '../../../worker/attribution/check.ts'
import { Knowledge } from '../../../worker/effects/knowledge.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { Workshop } from '../../harness/workshop.ts'

const NEVER = new AbortController().signal

describe('an adapter at a node that was started anew', () => {
  let shop: Workshop
  let known: AttributionSource

  before(async () => {
    shop = await Workshop.open()
    known = (await shop.knowledge.adapter(shop.tuned.output, NEVER)).source
    const { index } = await shop.adapter()
    shop.content.blocks.delete(index.features)
  })

  after(() => shop?.close())

  const adapterOf = async (folder: string) => {
    const options = { mostBytes: 2 ** 40, log: createLogger('silent') }
    const knowledge = new Knowledge(shop.content, shop.engine, folder, options)
    return (await knowledge.adapter(shop.tuned.output, NEVER)).source
  }

  it('is what it was, from this disk alone', async () => {
    assert.deepEqual(await adapterOf(shop.folder), known)
  })

  it('follows from its features elsewhere', async () => {
    const folder = testFolder('restarted')
    try {
      await assert.rejects(adapterOf(folder))
    } finally {
      removeFolder(folder)
    }
  })

  it('is worked out again where the disk has altered what was kept', async () => {
    const folder = join(shop.folder, 'derived')
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'nothing')
    await assert.rejects(adapterOf(shop.folder))
  })
})
