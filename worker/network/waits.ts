/** Ends when the promise has, or when the time is up; it never throws. */
export async function settledWithin(waitMs: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, waitMs)
  await Promise.race([promise.catch(() => {}), late])
  clearTimeout(timer)
}
