/** Fields of a structured log line. */
export type LogFields = Record<string, unknown>

/** The least severe lines that a logger lets through: fatal, error, warn, info, debug or trace. May be set. */
export interface LevelControl {
  level: string
}

/** Structured logging as the core sees it; pino stands behind it in run/. */
export interface Logger {
  /** Where the level can be changed while it runs. */
  readonly levelControl?: LevelControl
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** Drops everything. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
