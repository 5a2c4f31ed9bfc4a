/** Logs: JSON lines on standard error, a constant message with its details as fields, one child logger a subsystem. */
import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** Kept for the time when standard error takes lines again; what comes beyond is lost. */
const MAX_KEPT_BYTES = 2 ** 20

export function createLogger(level: string): Logger {
  const lines = pino.destination({ dest: 2, sync: true, maxLength: MAX_KEPT_BYTES })
  // Where standard error is a file on a full disk, whoever logs would die of it, as pino throws what nobody hears.
  lines.on('error', () => undefined)
  return pino({ level, base: null }, lines)
}
