/**
 * Does the same with each item, so many at a time; after a failure no more are begun.
 * @returns what came of each, in their order
 */
export async function inLanes<T, R>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  // A lane that fails closes the generator, and with it the others end.
  const left = numbered(items)
  const lane = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await work(item, index)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return results
}

function* numbered<T>(items: Iterable<T>): Generator<[number, T]> {
  let index = 0
  for (const item of items) yield [index++, item]
}
