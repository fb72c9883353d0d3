import { UsageError } from './failure.ts'
import type { FileOffset } from './reset-plan.ts'

/** Epoch ms of a time that JavaScript's Date reads (without a zone: local time), or of `@` and epoch ms. Throws UsageError. */
export function timeMs(text: string): number {
  const ms = text.startsWith('@') ? Number(text.slice(1)) : Date.parse(text)
  if (!Number.isSafeInteger(ms) || ms < 0)
    throw new UsageError(`'${text}' is no time: 2026-01-31, 2026-01-31T12:00:00Z or @ and epoch ms.`)
  return ms
}

/** Milliseconds of an ISO 8601 duration, `P1DT2H3M4.5S`. Throws UsageError. */
export function durationMs(text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(text)
  if (!match || /[PT]$/i.test(text)) throw new UsageError(`'${text}' is no duration: PT90S, PT1H30M, P2D, P1DT6H.`)
  const [days, hours, minutes, seconds] = match.slice(1).map(part => Number(part ?? 0))
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
}

/** One line of CSV. Quotes where it must. */
export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map(cell => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
  return `${quoted.join(',')}\n`
}

/**
 * Reads `group,topic,partition,offset` or, for the group that the command names, `topic,partition,offset` - as
 * `--csv` and kafka-consumer-groups --export write them. Throws UsageError with the line's number.
 */
export function offsetsOfCsv(text: string): FileOffset[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '') return []
    const cells = cellsOf(line)
    const [groupId, topic, partition, offset] = cells.length === 3 ? [undefined, ...cells] : cells
    const numbers = [partition, offset].map(Number)
    if (cells.length < 3 || cells.length > 4 || !topic || !numbers.every(n => Number.isSafeInteger(n) && n >= 0))
      throw new UsageError(`Line ${i + 1} is neither topic,partition,offset nor group,topic,partition,offset: ${line}`)
    return [{ groupId, topic, partition: numbers[0], offset: numbers[1] }]
  })
}

function cellsOf(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
    .slice(0, line.endsWith(',') ? undefined : -1)
    .map(([, cell]) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell.trim()))
}
