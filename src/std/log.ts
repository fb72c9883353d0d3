/** Fields of a structured log line. */
export type LogFields = Record<string, unknown>

/** Structured logging as the core sees it; pino stands behind it in run/. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** Drops everything. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
