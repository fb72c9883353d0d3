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

  /** Resolves when what was written is on its way and the reader keeps up, or is gone. */
  async flush(): Promise<void> {
    if (this.bytes === 0 || this.closed) return
    const all = Buffer.concat(this.parts, this.bytes)
    this.parts = []
    this.bytes = 0
    await new Promise<void>(resolve => process.stdout.write(all, () => resolve()))
  }
}

/** How far long work has come, on one line of a terminal's standard error; nothing elsewhere. */
export class Progress {
  private readonly startedMs = Date.now()
  private shownMs = 0
  private shown = false
  private readonly enabled: boolean

  constructor(enabled = process.stderr.isTTY === true) {
    this.enabled = enabled
  }

  /** `fraction` of the whole, where that is known. Cheap: shows itself five times a second at most. */
  update(records: number, bytes: number, fraction?: number): void {
    if (!this.enabled) return
    const nowMs = Date.now()
    if (nowMs - this.startedMs < 500 || nowMs - this.shownMs < 200) return
    this.shownMs = nowMs
    this.shown = true
    const seconds = (nowMs - this.startedMs) / 1000
    const done = fraction === undefined ? '' : `${bar(fraction)} ${Math.floor(fraction * 100)}%  `
    process.stderr.write(
      `\r\x1b[K${done}${records} records, ${(bytes / 1e6).toFixed(1)} MB, ${Math.round(records / seconds)}/s`
    )
  }

  /** Clears the line. */
  end(): void {
    if (this.shown) process.stderr.write('\r\x1b[K')
  }
}

function bar(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * 20)
  return `[${'#'.repeat(full)}${'.'.repeat(20 - full)}]`
}
