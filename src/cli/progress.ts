import { bytesText, spanText } from './output.ts'

/** How far long work is. */
export interface Step {
  readonly records?: number
  readonly bytes?: number
  /** Of the whole, from 0 to 1, where that is known. */
  readonly fraction?: number
  /** What is worked on now. */
  readonly at?: string
}

/** Where progress is shown. */
export interface ProgressTarget {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Short work shows nothing; long work shows itself five times a second at most. */
const quietMs = 500
const intervalMs = 200

/** How far long work has come, on one line of a terminal's standard error; nothing anywhere else. */
export class Progress {
  private readonly startedMs: number
  private shownMs = 0
  private shown = false
  private readonly target: ProgressTarget
  private readonly enabled: boolean
  private readonly now: () => number

  /** `quiet`: show nothing on a terminal either. */
  constructor({
    quiet = false,
    target = process.stderr,
    now = () => performance.now()
  }: {
    quiet?: boolean
    target?: ProgressTarget
    now?: () => number
  } = {}) {
    this.target = target
    this.enabled = !quiet && target.isTTY === true
    this.now = now
    this.startedMs = now()
  }

  /** Cheap: may be called for every piece of work. */
  update(step: Step): void {
    if (!this.enabled) return
    const nowMs = this.now()
    if (nowMs - this.startedMs < quietMs || (this.shown && nowMs - this.shownMs < intervalMs)) return
    this.shownMs = nowMs
    this.shown = true
    const line = progressLine(step, nowMs - this.startedMs)
    this.target.write(`\r\x1b[K${line.slice(0, (this.target.columns ?? 80) - 1)}`)
  }

  /** Clears the line. */
  end(): void {
    if (this.shown) this.target.write('\r\x1b[K')
    this.shown = false
  }
}

/** The line for a step: a bar and the time left where the whole is known, amounts, rates. What may be cut off comes last. */
export function progressLine({ records, bytes, fraction, at }: Step, elapsedMs: number): string {
  const perSecond = (amount: number) => amount / (elapsedMs / 1000)
  const parts: string[] = []
  if (fraction !== undefined) parts.push(`${bar(fraction)} ${String(Math.floor(fraction * 100)).padStart(3)}%`)
  if (fraction !== undefined && fraction > 0 && fraction < 1)
    parts.push(`${spanText((elapsedMs * (1 - fraction)) / fraction)} left`)
  if (records !== undefined) parts.push(`${records} records, ${Math.round(perSecond(records))}/s`)
  if (bytes !== undefined) parts.push(`${bytesText(bytes)}, ${bytesText(Math.round(perSecond(bytes)))}/s`)
  if (at !== undefined) parts.push(at)
  return parts.join('  ')
}

function bar(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * 20)
  return `[${'#'.repeat(full)}${'.'.repeat(20 - full)}]`
}
