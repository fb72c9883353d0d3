import type { Figures } from './measure.ts'

export interface Metric {
  name: string
  title: string
  digits: number
  /** Whether more of it is better. */
  better: 'more' | 'less'
}

/** The columns of the table, in order; further figures are only in the JSON. */
const metrics: Metric[] = [
  { name: 'mbPerSecond', title: 'MB/s', digits: 1, better: 'more' },
  { name: 'requestsPerSecond', title: 'req/s', digits: 0, better: 'more' },
  { name: 'cpuSecondsPerGb', title: 'CPU s/GB', digits: 2, better: 'less' },
  { name: 'cpuUsPerRequest', title: 'CPU us/req', digits: 1, better: 'less' },
  { name: 'p50Us', title: 'p50 us', digits: 0, better: 'less' },
  { name: 'p99Us', title: 'p99 us', digits: 0, better: 'less' },
  { name: 'p999Us', title: 'p99.9 us', digits: 0, better: 'less' },
  { name: 'startMs', title: 'start ms', digits: 0, better: 'less' },
  { name: 'restartMs', title: 'restart ms', digits: 0, better: 'less' },
  { name: 'rssMb', title: 'RSS MB', digits: 0, better: 'less' },
  { name: 'peakMb', title: 'peak MB', digits: 0, better: 'less' }
]

export interface Summary {
  median: number
  min: number
  max: number
}

export interface Outcome {
  scenario: string
  contender: string
  /** Each repeat's figures. */
  repeats: Figures[]
  summary: Record<string, Summary>
  /** Why there are no figures. */
  failure?: string
}

/** Median and extremes of every figure over the repeats. */
export function summarise(repeats: Figures[]): Record<string, Summary> {
  const summary: Record<string, Summary> = {}
  for (const name of new Set(repeats.flatMap(figures => Object.keys(figures)))) {
    const values = repeats
      .map(figures => figures[name])
      .filter(value => value !== undefined)
      .sort((a, b) => a - b)
    const middle = values.length >> 1
    const median = values.length % 2 === 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
    summary[name] = { median, min: values[0], max: values[values.length - 1] }
  }
  return summary
}

const nameWidth = 36
const whoWidth = 7
const width = 11

export function heading(): string {
  return (
    'scenario'.padEnd(nameWidth) + ''.padEnd(whoWidth) + metrics.map(metric => metric.title.padStart(width)).join('')
  )
}

/** The lines of one scenario: one per contender, and the ratio of the first to the second. */
export function lines(outcomes: Outcome[]): string[] {
  const out: string[] = []
  for (const [i, { scenario, contender, summary, failure }] of outcomes.entries()) {
    const front = (i === 0 ? scenario : '').padEnd(nameWidth) + contender.padEnd(whoWidth)
    const cells = metrics.map(metric => cell(summary[metric.name]?.median, metric.digits))
    out.push(failure ? `${front} failed: ${failure}` : `${front}${cells.join('')}${spread(summary)}`)
  }
  if (outcomes.length === 2) {
    const [ours, theirs] = outcomes
    const cells = metrics.map(({ name }) => ratio(ours.summary[name]?.median, theirs.summary[name]?.median))
    if (!ours.failure && !theirs.failure)
      out.push(`${''.padEnd(nameWidth)}${'ratio'.padEnd(whoWidth)}${cells.join('')}`)
  }
  return out
}

function cell(value: number | undefined, digits: number): string {
  return (value === undefined ? '-' : value.toFixed(digits)).padStart(width)
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  const known = ours !== undefined && theirs !== undefined && theirs > 0
  return (known ? `${(ours / theirs).toFixed(2)}x` : '-').padStart(width)
}

/** How far the repeats lie apart, in the figure that the scenario is about. */
function spread(summary: Record<string, Summary>): string {
  const main = summary.mbPerSecond ?? summary.startMs
  if (!main || main.min === main.max) return ''
  return `   spread ${Math.round((100 * (main.max - main.min)) / main.median)} %`
}
