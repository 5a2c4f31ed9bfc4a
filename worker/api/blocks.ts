/** Blocks by content id, from here or from any peer: whoever asks can check them, and needs no peers of its own. */
import { Hono } from 'hono'
import { cid } from '../../protocol/fields.ts'
import type { Service } from '../service.ts'
import { parse } from './input.ts'

const FETCH_MS = 20_000

export function blockRoutes({ content }: Service): Hono {
  return new Hono().get('/blocks/:cid', async (c) => {
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(FETCH_MS)])
    const bytes = await content.bytes(parse(cid, c.req.param('cid')), { signal })
    c.header('content-type', 'application/vnd.ipld.raw')
    return c.body(Uint8Array.from(bytes))
  })
}
