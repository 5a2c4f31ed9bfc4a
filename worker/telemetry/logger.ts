/** Logs: JSON lines on standard error, a constant message with its details as fields, one child logger a subsystem. */
import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

export function createLogger(level: string): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
}
