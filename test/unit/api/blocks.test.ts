import { deepEqual, equal, match } from 'node:assert/strict'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { blockOf } from '../../../protocol/document.ts'
import { createApp } from '../../../worker/api/app.ts'
import { blockRoutes } from '../../../worker/api/blocks.ts'
import type { Service } from '../../../worker/service.ts'
import { StorageError } from '../../../worker/storage/errors.ts'
import { MemoryContent } from '../../harness/memory-content.ts'

describe('blocks over HTTP', () => {
  const content = new MemoryContent()
  const app = new Hono().route('/v1', blockRoutes({ content } as unknown as Service))
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.text(error.message, error.status)
    return c.text(error.message, error instanceof StorageError ? 404 : 500)
  })

  it('are the bytes that a content id names', async () => {
    const block = blockOf(Uint8Array.of(0x63, 1, 2, 3))
    await content.keep(block)
    const response = await app.request(`/v1/blocks/${block.cid}`)
    equal(response.status, 200)
    deepEqual(new Uint8Array(await response.arrayBuffer()), block.bytes)
  })

  it('are asked for by a content id, and may be nobody’s', async () => {
    equal((await app.request('/v1/blocks/QmNotOfOurs')).status, 400)
    const other = blockOf(Uint8Array.of(1)).cid
    equal((await app.request(`/v1/blocks/${other}`)).status, 404)
  })

  it('may take too long, which is no fault of this node', async () => {
    const late = { bytes: () => Promise.reject(new DOMException('aborted', 'TimeoutError')) }
    const config = { apiHost: '127.0.0.1' }
    const service = { config, content: late, runtime: {} } as unknown as Service
    const response = await createApp(service).request(`/v1/blocks/${blockOf(Uint8Array.of(1)).cid}`)
    equal(response.status, 504)
    match(await response.text(), /Other nodes did not give in time/)
  })
})
