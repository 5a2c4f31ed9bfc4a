/** The HTTP interface of a node: one small app, its routes grouped by subject. It listens on this machine by default. */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isLate } from '../bounded-fetch.ts'
import { ChainError } from '../chain/errors.ts'
import { DatanetError } from '../datanet/errors.ts'
import type { Service } from '../service.ts'
import { StorageError } from '../storage/errors.ts'
import { blockRoutes } from './blocks.ts'
import { completionRoutes } from './completions.ts'
import { datanetRoutes } from './datanets.ts'
import { eventRoutes } from './events.ts'
import { fineTuneRoutes } from './fine-tunes.ts'
import { jobRoutes } from './jobs.ts'
import { OrderError } from './orders.ts'
import { refusePages } from './pages.ts'
import { statusRoutes } from './status.ts'

/** Contributions come in the body of a request. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Content is fetched for so long as a person may wait; the next request goes on from the blocks that have come. */
const LATE = 'Other nodes did not give in time what this takes. Ask again.'

/** What only gateways answer. */
const GATEWAY_PATHS = [
  '/v1/models',
  '/v1/completions',
  '/v1/chat/completions',
  '/v1/fine-tunes',
  '/v1/datanets',
]

export function createApp(service: Service): Hono {
  const app = new Hono()
  app.use(refusePages(service.config.apiHost))
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES }))
  app.route('/v1', statusRoutes(service))
  app.route('/v1', jobRoutes(service))
  app.route('/v1', eventRoutes(service))
  app.route('/v1', blockRoutes(service))
  if (service.gateway) {
    app.route('/v1', completionRoutes(service, service.gateway))
    app.route('/v1', fineTuneRoutes(service.gateway))
    app.route('/v1', datanetRoutes(service))
  }
  app.notFound((c) => {
    const { method, path } = c.req
    const isForGateway = !service.gateway && GATEWAY_PATHS.includes(path)
    const message = isForGateway
      ? 'This node is no gateway. Ask one, or start one with --roles gateway.'
      : `There is no ${method} ${path} here.`
    return c.json(problem(message), 404)
  })
  app.onError((error, c) => {
    const status = statusFor(error)
    if (status === 500) service.log.error({ error, path: c.req.path }, 'request failed')
    return c.json(problem(isLate(error) ? LATE : error.message), status)
  })
  return app
}

/** Errors in the form that OpenAI's clients know. */
function problem(message: string) {
  return { error: { message } }
}

function statusFor(error: Error): ContentfulStatusCode {
  if (error instanceof HTTPException) return error.status as ContentfulStatusCode
  if (error instanceof OrderError) return error.code === 'unfunded' ? 402 : 409
  if (error instanceof DatanetError) return 400
  if (isLate(error)) return 504
  if (error instanceof ChainError) return isAway(error) ? 503 : 500
  if (error instanceof StorageError) return error.code === 'stalled' ? 404 : 400
  return 500
}

/** True where it may go well another time. */
function isAway({ code }: ChainError): boolean {
  return code === 'unreachable' || code === 'timeout'
}
