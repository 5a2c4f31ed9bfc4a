/** What strangers send over HTTP, checked; what is wrong comes back as a 400 that names the field. */
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'

/** @throws HTTPException 400 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const field = issue.path.join('.')
  throw new HTTPException(400, {
    message: field === '' ? issue.message : `${field}: ${issue.message}`,
  })
}

/** The body as JSON. @throws HTTPException 400 */
export async function jsonBody(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json()
  } catch {
    throw new HTTPException(400, { message: 'The body is no JSON.' })
  }
}
