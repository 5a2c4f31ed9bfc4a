/** Times as people write and read them. */
import { InvalidArgumentError } from 'commander'

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `90min` in ms. */
export function duration(text: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,5})(s|min|h|d)$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (unitMs !== undefined) return Number(count) * unitMs
  throw new InvalidArgumentError('It takes a time, such as 30min, 12h or 3d.')
}

/** How long that is, rounded up. */
export function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.ceil(seconds / 3600)} h`
  return `${Math.ceil(seconds / 86_400)} days`
}

/** A moment, in ms since 1970, in no time zone of anybody's. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
