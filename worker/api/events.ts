/** What happens on the network as server-sent events: what `demo` and every dashboard draws from. */
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { News } from '../../coordinator-free/events.ts'
import { bigintAsText } from '../json.ts'
import type { Service } from '../service.ts'

const KEEP_ALIVE_MS = 15_000
/** Events that may wait for a listener: one that reads no more has no end of them. */
const MAX_WAITING = 1024

export function eventRoutes({ runtime }: Service): Hono {
  return new Hono().get('/events', (c) => {
    c.header('x-accel-buffering', 'no')
    return streamSSE(c, async (stream) => {
      let written = Promise.resolve()
      let waiting = 0
      const stop = runtime.onNews((news) => {
        if (waiting === MAX_WAITING) return stream.abort()
        waiting += 1
        const message = {
          event: eventName(news),
          data: JSON.stringify(eventOf(news), bigintAsText),
        }
        // One after the other; a listener that has gone ends the stream, not the node.
        written = written
          .then(() => stream.writeSSE(message))
          .then(() => {
            waiting -= 1
          })
          .catch(stop)
      })
      stream.onAbort(stop)
      while (!stream.aborted && !stream.closed) {
        await stream.sleep(KEEP_ALIVE_MS)
        await stream.writeSSE({ event: 'alive', data: '' })
      }
    })
  })
}

function eventName(news: News): string {
  return news.kind === 'message' ? news.envelope.message.kind : news.kind
}

function eventOf(news: News): object {
  if (news.kind === 'settled') return { number: news.data.number, receipts: news.data.receipts }
  if (news.kind !== 'message') return news
  const { message, digest } = news.envelope
  return { digest, ...message.body }
}
