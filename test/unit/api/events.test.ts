import { equal, match, ok } from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { News } from '../../../coordinator-free/events.ts'
import { eventRoutes } from '../../../worker/api/events.ts'
import type { Service } from '../../../worker/service.ts'

describe('events over HTTP', () => {
  const listeners = new Set<(news: News) => void>()
  const onNews = (listener: (news: News) => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const routes = eventRoutes({ runtime: { onNews } } as unknown as Service)
  const tell = (count: number): void => {
    for (let told = 0; told < count; told++) {
      for (const listener of listeners) listener({ kind: 'told', told } as unknown as News)
    }
  }

  it('come to whoever reads them', async () => {
    const reader = (await routes.request('/events')).body!.getReader()
    tell(2)
    for (const told of [0, 1]) {
      const { value } = await reader.read()
      match(new TextDecoder().decode(value), new RegExp(`^event: told\\ndata: .*"told":${told}`))
    }
    equal(listeners.size, 1)
    await reader.cancel()
    equal(listeners.size, 0)
  })

  it('do not heap up for a listener that reads no more', async () => {
    const response = await routes.request('/events')
    equal(listeners.size, 1)
    tell(1000)
    equal(listeners.size, 1)
    tell(1000)
    equal(listeners.size, 0)
    ok(response.body)
    await response.body.cancel()
  })
})
