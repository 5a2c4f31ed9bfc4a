/** JSON knows no bigint: amounts are decimal strings there. */

/** For `JSON.stringify`. */
export function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
