/** Runs one exported function in a thread of its own and brings back what it returns or throws. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { CodedError } from './errors.ts'

const Order = z.object({
  task: z.literal('in-thread'),
  module: z.string(),
  name: z.string(),
  args: z.array(z.unknown()),
})

/** What went wrong in a thread, in a form that crosses its border: class and code are told by name. */
interface Failure {
  readonly name: string
  readonly message: string
  readonly code: unknown
  readonly stack: string | undefined
}

/**
 * @param module address of the module, `import.meta.url` of the caller
 * @param name of the exported function; its arguments and result cross by structured clone
 */
export function inThread<T>(module: string, name: string, args: readonly unknown[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const order = { task: 'in-thread', module, name, args }
    const thread = new Worker(new URL(import.meta.url), { workerData: order })
    thread.once('message', (message: { result: T } | { failure: Failure }) => {
      if ('result' in message) resolve(message.result)
      else reject(errorFrom(message.failure))
    })
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`the thread of ${name} ended with ${code}`)))
  })
}

if (!isMainThread) {
  const order = Order.safeParse(workerData)
  // Not awaited: the module that is imported imports this one, and would wait for it.
  if (order.success) void run(order.data)
}

async function run({ module, name, args }: z.output<typeof Order>): Promise<void> {
  try {
    const exported = (await import(module)) as Record<string, (...given: unknown[]) => unknown>
    parentPort!.postMessage({ result: await exported[name]!(...args) })
  } catch (error) {
    const { name: kind, message, stack } = error as Error
    const failure: Failure = {
      name: kind,
      message,
      stack,
      code: Reflect.get(error as object, 'code'),
    }
    parentPort!.postMessage({ failure })
  }
}

/** An error that tells the same as the one thrown in the thread. */
function errorFrom({ name, message, code, stack }: Failure): Error {
  const error = typeof code === 'string' ? new CodedError(code, message) : new Error(message)
  return Object.assign(error, { name, stack })
}
