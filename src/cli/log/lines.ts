import type { RecordOutput } from '../output.ts'

/** Thrown when nobody reads the output any more: there is nothing left to do. */
export class NobodyReads extends Error {}

/** What a dump prints: lines for people, or JSON. Keeps pace with its reader. */
export class Lines {
  private readonly output: RecordOutput
  readonly json: boolean

  constructor(output: RecordOutput, json: boolean) {
    this.output = output
    this.json = json
  }

  /** `text` is made for people only. */
  print<T>(value: T, text: (value: T) => string): void {
    this.output.write(Buffer.from(`${this.json ? JSON.stringify(value) : text(value)}\n`))
  }

  /** Waits for the reader, after much was printed. Rejects with NobodyReads. */
  async pace(): Promise<void> {
    if (this.output.pending > 64 * 1024) await this.flush()
  }

  async flush(): Promise<void> {
    await this.output.flush()
    if (this.output.closed) throw new NobodyReads()
  }
}
