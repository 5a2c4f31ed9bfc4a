/** What strangers send over HTTP, checked; what is wrong comes back as a 400 that names the field. */
import { bodyLimit } from 'hono/body-limit'
import type { z } from 'zod'
import { RequestError, wrong } from './errors.ts'

/** @throws HTTPException 400 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const { field, message } = faultOf(issue)
  throw field === '' ? new RequestError(400, message) : wrong(field, message)
}

function faultOf(issue: z.core.$ZodIssue) {
  if (issue.code !== 'unrecognized_keys') {
    return { field: issue.path.join('.'), message: issue.message }
  }
  return {
    field: [...issue.path, issue.keys[0]!].join('.'),
    message: 'is no field that is known here',
  }
}

/** Refuses bodies that are larger. */
export function bodyOfAtMost(maxBytes: number) {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new RequestError(413, `The body has more than the ${maxBytes} bytes allowed.`)
    },
  })
}

/** The body as JSON. @throws HTTPException 400 */
export async function jsonBody(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json()
  } catch {
    throw new RequestError(400, 'The body is no JSON.')
  }
}
