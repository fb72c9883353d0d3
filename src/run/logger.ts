import { pino } from 'pino'
import type { LogFields, Logger } from '../std/log.ts'

/** Levels of the `log.level` flag, least first. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * Structured lines (JSON) on standard error: standard output belongs to what a command answers. Each line has the fields
 * of `base`.
 */
export function stderrLogger(level: LogLevel, base: LogFields | null = null): Logger {
  const logger = pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) }
    },
    pino.destination({ dest: 2, sync: true })
  )
  const write = (of: keyof Omit<Logger, 'levelControl'>) => (fields: LogFields, message: string) =>
    logger[of](fields, message)
  const [debug, info, warn, error] = [write('debug'), write('info'), write('warn'), write('error')]
  return { levelControl: logger, debug, info, warn, error }
}
