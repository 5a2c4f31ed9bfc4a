/** Amounts of OPEN as people read them. */

/** Wei as OPEN with up to `digits` decimals, rounded down. */
export function formatOpen(wei: bigint, digits = 6): string {
  const whole = wei / 10n ** 18n
  const fraction = (wei % 10n ** 18n).toString().padStart(18, '0').slice(0, digits)
  const trimmed = fraction.replace(/0+$/, '')
  return trimmed === '' ? `${whole}` : `${whole}.${trimmed}`
}
