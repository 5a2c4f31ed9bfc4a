/** What follows from an object that never changes is worked out once, and kept with it for as long as it is. */
export function held<K extends object, V>(map: WeakMap<K, V>, key: K, work: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const fresh = work()
  map.set(key, fresh)
  return fresh
}
