/** Errors in the form that OpenAI's clients know: they look at `code` and `param`, and try again by the status alone. */
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isLate } from '../bounded-fetch.ts'
import { ChainError } from '../chain/errors.ts'
import { DatanetError } from '../datanet/errors.ts'
import { StorageError } from '../storage/errors.ts'
import { OrderError } from './orders.ts'

interface About {
  /** The request's field that is wrong. */
  readonly param?: string
  /** As callers know it from OpenAI. */
  readonly code?: 'context_length_exceeded' | 'model_not_found'
  /** True where to ask again at once is in vain, though the status says that the fault is not the caller's. */
  readonly isFinal?: boolean
}

export class RequestError extends HTTPException {
  readonly about: About

  constructor(status: ContentfulStatusCode, message: string, about: About = {}) {
    super(status, { message })
    this.about = about
  }
}

/** What is wrong with one field of a request. */
export function wrong(param: string, why: string, code?: About['code']): RequestError {
  return new RequestError(400, `${param}: ${why}`, { param, ...(code && { code }) })
}

/** Content is fetched for so long as a person may wait; the next request goes on from the blocks that have come. */
const LATE = 'Other nodes did not give in time what this takes. Ask again.'

/** What a caller is told of an error, in the body of a response or within a stream. */
export function problem(error: Error) {
  const status = statusFor(error)
  const { param, code, isFinal = false } = error instanceof RequestError ? error.about : {}
  const isUnfunded = status === 402
  const type = isUnfunded ? 'insufficient_quota' : 'invalid_request_error'
  const body = {
    error: {
      message: isLate(error) ? LATE : error.message,
      type: status >= 500 ? 'server_error' : type,
      param: param ?? null,
      code: isUnfunded ? 'insufficient_quota' : (code ?? null),
    },
  }
  return { status, body, isFinal }
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
