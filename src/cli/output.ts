/** Prints rows in columns; numbers to the right. */
export function printTable(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const texts = rows.map(row => row.map(String))
  const widths = columns.map((column, i) => Math.max(column.length, ...texts.map(row => row[i].length)))
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every(row => typeof row[i] === 'number'))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd()
  process.stdout.write(`${[columns.map(column => column.toUpperCase()), ...texts].map(line).join('\n')}\n`)
}

/** What stands in a column of a table for a row. */
export type Columns<T> = Readonly<Record<string, (row: T) => string | number>>

/**
 * Prints things in the one way that all commands have: a table with these columns for people, or the things themselves,
 * a line of JSON each, for programs. `empty` is what people read when there is nothing.
 */
export function printRows<T>(
  rows: readonly T[],
  columns: Columns<T>,
  { json, empty }: { json?: boolean; empty?: string }
): void {
  if (json) rows.forEach(printJson)
  else if (rows.length === 0 && empty !== undefined) process.stdout.write(`${empty}\n`)
  else
    printTable(
      Object.keys(columns),
      rows.map(row => Object.values(columns).map(cell => cell(row)))
    )
}

/** `1 topic`, `2 topics`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`
}

/** A size for people: 1536 is `1.5 KiB`. */
export function bytesText(bytes: number): string {
  let rest = bytes
  let unit = 0
  while (Math.abs(rest) >= 1024 && unit < byteUnits.length - 1) {
    rest /= 1024
    unit++
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${byteUnits[unit]}`
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** A time span for people: `850 ms`, `42 s`, `3 min 5 s`, `2 h 10 min`, `5 days`. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.round(seconds / 86_400)} days`
}

/** Prints a value as one line of JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Standard output for a stream of records: gathers small writes, waits for slow readers, notices when they go. */
export class RecordOutput {
  /** True once nobody reads any more. */
  closed = false
  private parts: Buffer[] = []
  private bytes = 0

  constructor(onClosed: () => void) {
    const close = () => {
      if (this.closed) return
      this.closed = true
      onClosed()
    }
    process.stdout.on('error', close)
    process.stdout.on('close', close)
  }

  write(part: Buffer): void {
    this.parts.push(part)
    this.bytes += part.length
  }

  /** Bytes that wait for `flush`. */
  get pending(): number {
    return this.bytes
  }

  /** Resolves when what was written is on its way and the reader keeps up, or is gone. */
  async flush(): Promise<void> {
    if (this.bytes === 0 || this.closed) return
    const all = Buffer.concat(this.parts, this.bytes)
    this.parts = []
    this.bytes = 0
    await new Promise<void>(resolve => process.stdout.write(all, () => resolve()))
  }
}
