/** Amounts of OPEN as people read them. */

const DECIMALS = 18
/** One OPEN. */
export const OPEN_WEI = 10n ** BigInt(DECIMALS)

/** Wei as OPEN, rounded down, with up to `digits` decimals; with as many as its first two figures need where those show nothing. */
export function formatOpen(wei: bigint, digits = 6): string {
  const whole = wei / OPEN_WEI
  const fraction = (wei % OPEN_WEI).toString().padStart(DECIMALS, '0')
  const first = fraction.search(/[1-9]/)
  const isHidden = whole === 0n && first >= digits
  const shown = fraction.slice(0, isHidden ? first + 2 : digits).replace(/0+$/, '')
  return shown === '' ? `${whole}` : `${whole}.${shown}`
}
