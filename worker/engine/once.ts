/** Opens a thing once, when it is first asked for. A failure is not kept: it may go well the next time. */
export function once<K, T>(map: Map<K, Promise<T>>, key: K, open: () => Promise<T>): Promise<T> {
  let opened = map.get(key)
  if (opened === undefined) {
    opened = open()
    map.set(key, opened)
    opened.catch(() => map.delete(key))
  }
  return opened
}
