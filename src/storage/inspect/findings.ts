import type { Logger } from '../../std/log.ts'

/** `damage`: what was acknowledged is damaged or lost, or readers are slowed by it; `note`: a start deals with it. */
export type Severity = 'damage' | 'note'

/** Something that was found in a data folder. */
export interface Finding {
  readonly severity: Severity
  readonly path: string
  /** The byte of the file where it begins, where one can be told. */
  readonly position?: number
  readonly log?: string
  readonly message: string
}

/** Takes findings: the same one counts once. */
export class Findings {
  readonly list: Finding[] = []
  private readonly known = new Set<string>()
  private readonly report: (finding: Finding) => void

  constructor(report: (finding: Finding) => void) {
    this.report = report
  }

  add(finding: Finding): void {
    const key = `${finding.path} ${finding.position} ${finding.message}`
    if (this.known.has(key)) return
    this.known.add(key)
    this.list.push(finding)
    this.report(finding)
  }

  damage(path: string, position: number | undefined, message: string, log?: string): void {
    this.add({ severity: 'damage', path, position, message, log })
  }

  note(path: string, message: string, log?: string): void {
    this.add({ severity: 'note', path, message, log })
  }

  /** A logger for recovery: what it would report of a folder, found. */
  logger(folder: string): Logger {
    const take = (severity: Severity) => (fields: Record<string, unknown>, message?: string) => {
      const { log, from, to, where, path, position } = fields
      const [, file, byte] = /^(.*), byte (\d+)$/.exec(String(where ?? '')) ?? []
      const range = typeof from === 'number' ? ` (offsets ${from} to ${Number(to) - 1})` : ''
      const place = where !== undefined && file === undefined ? `: ${where}` : ''
      this.add({
        severity,
        path: file ?? (typeof path === 'string' ? path : folder),
        position: byte !== undefined ? Number(byte) : typeof position === 'number' ? position : undefined,
        log: typeof log === 'string' ? log : undefined,
        message: `${message ?? ''}${range}${place}`
      })
    }
    return { debug() {}, info() {}, warn: take('note'), error: take('damage') }
  }
}
