/** The HTTP interface of a node: one small app, its routes grouped by subject. It listens on this machine by default. */
import { Hono } from 'hono'
import type { Service } from '../service.ts'
import { blockRoutes } from './blocks.ts'
import { completionRoutes } from './completions.ts'
import { datanetRoutes } from './datanets.ts'
import { problem, RequestError } from './errors.ts'
import { eventRoutes } from './events.ts'
import { fineTuneRoutes } from './fine-tunes.ts'
import { bodyOfAtMost } from './input.ts'
import { jobRoutes } from './jobs.ts'
import { refusePages } from './pages.ts'
import { statusRoutes } from './status.ts'

/** Contributions come in the body of a request. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/** What only gateways answer. */
const GATEWAY_PATHS = [
  '/v1/models',
  '/v1/completions',
  '/v1/chat/completions',
  '/v1/fine-tunes',
  '/v1/datanets',
]

export function createApp(service: Service): Hono {
  const app = new Hono({ strict: false })
  app.use(refusePages(service.config.apiHost))
  app.use(bodyOfAtMost(MAX_BODY_BYTES))
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
    return c.json(problem(new RequestError(404, message)).body, 404)
  })
  app.onError((error, c) => {
    const { status, body, isFinal } = problem(error)
    if (status === 500) service.log.error({ error, path: c.req.path }, 'request failed')
    if (isFinal) c.header('x-should-retry', 'false')
    return c.json(body, status)
  })
  return app
}
