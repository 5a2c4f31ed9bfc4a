/** Puts the HTTP interface on a port. */
import { type AddressInfo, isIPv6 } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { NetworkError } from '../network/errors.ts'
import type { Service } from '../service.ts'
import { createApp } from './app.ts'

export interface Listening extends AsyncDisposable {
  readonly url: string
}

/** @throws NetworkError `port-in-use` */
export async function serveApi(service: Service): Promise<Listening> {
  const { apiHost, apiPort } = service.config
  const server = createAdaptorServer({ fetch: createApp(service).fetch })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = `${apiHost}:${apiPort}`
      const why =
        cause.code === 'EADDRINUSE'
          ? 'Is another node running there? Choose another port with --api-port.'
          : `${cause.message}. Choose an address of this machine with --api-host, or a port with --api-port.`
      const message = `The HTTP interface cannot listen on ${where}. ${why}`
      reject(new NetworkError('port-in-use', message, { cause }))
    })
    server.listen(apiPort, apiHost, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${isIPv6(apiHost) ? `[${apiHost}]` : apiHost}:${port}`,
    [Symbol.asyncDispose]: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
