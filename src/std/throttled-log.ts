import type { Clock } from './clock.ts'
import type { LogFields, Logger } from './log.ts'

/** Text of a client's in a log line is cut to this. */
const textLengthMax = 300

type Level = 'info' | 'warn' | 'error'

/**
 * Log lines that clients can cause, so many a second at most: whoever sends rubbish without end must not fill the disk with
 * lines about it. The next line says how many were left out (`suppressed`); long texts are cut.
 */
export class ThrottledLog {
  private readonly logger: Logger
  private readonly clock: Pick<Clock, 'monotonic'>
  private readonly linesPerSecond: number
  private second = Number.NEGATIVE_INFINITY
  private lines = 0
  private suppressed = 0

  constructor(logger: Logger, clock: Pick<Clock, 'monotonic'>, linesPerSecond = 10) {
    this.logger = logger
    this.clock = clock
    this.linesPerSecond = linesPerSecond
  }

  info(fields: LogFields, message: string): void {
    this.line('info', fields, message)
  }

  warn(fields: LogFields, message: string): void {
    this.line('warn', fields, message)
  }

  error(fields: LogFields, message: string): void {
    this.line('error', fields, message)
  }

  private line(level: Level, fields: LogFields, message: string): void {
    const second = Math.floor(this.clock.monotonic() / 1000)
    if (second !== this.second) {
      this.second = second
      this.lines = 0
    }
    if (this.lines++ >= this.linesPerSecond) {
      this.suppressed++
      return
    }
    const { suppressed } = this
    this.suppressed = 0
    this.logger[level](suppressed > 0 ? { ...cut(fields), suppressed } : cut(fields), message)
  }
}

function cut(fields: LogFields): LogFields {
  const short: LogFields = {}
  for (const [name, value] of Object.entries(fields))
    short[name] =
      typeof value === 'string' && value.length > textLengthMax ? `${value.slice(0, textLengthMax)}...` : value
  return short
}
