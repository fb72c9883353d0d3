import { pino } from 'pino'
import type { Logger } from '../std/log.ts'

/** Levels of the `log.level` flag, least first. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** Structured lines (JSON) on standard error: standard output belongs to what a command answers. */
export function stderrLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) }
    },
    pino.destination({ dest: 2, sync: true })
  )
}
