/**
 * Any page in a browser on this machine can send requests here, though nobody has asked it to. They are told by what
 * browsers say about them, which a page cannot change; programs say nothing of it.
 */
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'

/** @param apiHost where the interface listens */
export function refusePages(apiHost: string): MiddlewareHandler {
  return async (c, next) => {
    const { host, hostname } = new URL(c.req.url)
    if (isOfThisMachine(apiHost) && !isLocalName(hostname) && !isAddress(hostname)) {
      // A name that a stranger has led here makes a page of its own of all that is told.
      throw new HTTPException(403, {
        message: `This interface is for this machine, and knows no ${hostname}. Ask 127.0.0.1, or start with --api-host.`,
      })
    }
    if (c.req.method !== 'GET' && isForeign(host, c.req.header.bind(c.req))) {
      throw new HTTPException(403, { message: 'Pages of other sites may order nothing here.' })
    }
    await next()
  }
}

/** Browsers say of a page where it stands to us; where they do not, from which site it is. */
function isForeign(host: string, header: (name: string) => string | undefined): boolean {
  const site = header('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = header('origin')
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host)
}

function isOfThisMachine(host: string): boolean {
  return isLocalName(host) || (isAddress(host) && /^(127\.|::1$)/.test(host))
}

function isLocalName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost')
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, '')) !== 0
}
