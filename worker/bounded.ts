/** Work on this thread that must come to an end: only V8 itself can stop a pattern that takes for ever. */
import { createContext, Script } from 'node:vm'

const context: { work?: () => unknown } = createContext({})
const script = new Script('work()')

/** Undefined where it did not end in time; it was stopped where it stood. */
export function endingWithin<T>(ms: number, work: () => T): { readonly result: T } | undefined {
  context.work = work
  try {
    return { result: script.runInContext(context, { timeout: Math.ceil(ms) }) as T }
  } catch (error) {
    if (Reflect.get(error as object, 'code') === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
    throw error
  } finally {
    delete context.work
  }
}
