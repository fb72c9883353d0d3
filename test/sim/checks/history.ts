import type { Anomalies, AnomalyKind } from '../anomaly.ts'
import type { PartitionHistory, ProducerHistory } from '../clients/history.ts'
import type { Content } from './replicas.ts'

/** Holds what clients of a partition were told against what is there in the end. */
export function checkHistory(
  history: PartitionHistory,
  { content, wasMoved }: { readonly content: Content; readonly wasMoved: boolean },
  anomalies: Anomalies
): void {
  const { start } = content
  const wrong = (kind: AnomalyKind, what: string) => anomalies.add(kind, `${history.name}: ${what}`)
  const byOffset = new Map(content.values.map(([offset, , value]) => [offset, value]))
  const there = new Map<string | null, number>()
  let doubled = 0
  for (const [offset, , value] of content.values) {
    const before = there.get(value)
    if (before !== undefined && !history.mayBeTwice(offset, before)) doubled++
    there.set(value, offset)
  }
  if (doubled > 0) wrong('doubled', `${doubled} records are there twice`)
  const known = new Set(history.producers.flatMap(({ records }) => [...records.keys()]))
  for (const value of there.keys()) if (value !== null && !known.has(value)) wrong('foreign', `${value} was never sent`)
  /** Deleted on purpose, or superseded by a later record of its key. */
  const mayBeGone = (offset: number, key: string) =>
    offset < start || (history.topic.compacted && (lastOf.get(key) ?? -1) > offset)
  const lastOf = new Map(content.values.map(([offset, key]) => [key, offset]))
  for (const producer of history.producers) {
    checkOrder(producer, history, content, what => wrong('doubled', what))
    for (const [value, { fate, key }] of producer.records) {
      const offset = there.get(value)
      if (fate === 'refused' && offset !== undefined) wrong('refused', `${value} was refused, and is at ${offset}`)
      if (typeof fate !== 'object') continue
      const mayBeLost = history.mayLoseAt(fate.offset)
      if (offset !== undefined && offset !== fate.offset && !mayBeLost)
        wrong('changed', `${value} was acknowledged at ${fate.offset}, and is at ${offset}`)
      // One replica is the leader, which loses nothing; two are for a moment where it is moved.
      const isSafe = producer.acks === -1 || (history.topic.replicas === 1 && !wasMoved)
      if (offset === undefined && isSafe && !mayBeLost && !mayBeGone(fate.offset, key))
        wrong(
          'lost',
          `${value} was acknowledged at ${fate.offset}, where there is ${byOffset.get(fate.offset) ?? 'nothing'}`
        )
    }
  }
  for (const [offset, value] of history.read) {
    if (history.mayLoseAt(offset)) continue
    const now = byOffset.get(offset)
    if (now === value || (now === undefined && offset < start)) continue
    const key = history.producers.find(({ records }) => records.has(value))?.records.get(value)?.key
    if (now === undefined && key !== undefined && mayBeGone(offset, key)) continue
    wrong('lost', `${value} was read at ${offset}, where there is ${now ?? 'nothing'} now`)
  }
}

/** Records of a producer that sends them in order lie in order; all of them, where it repeats what may be lost. */
function checkOrder(
  producer: ProducerHistory,
  history: PartitionHistory,
  content: Content,
  wrong: (what: string) => void
): void {
  // Requests without answers may overtake each other on two connections.
  if (producer.acks === 0) return
  const { name, records } = producer
  let lastOffset = -1
  for (const [value, { fate }] of producer.acks === -1 && !history.mayLose ? records : []) {
    if (typeof fate !== 'object') continue
    if (fate.offset <= lastOffset) wrong(`${value} was acknowledged at ${fate.offset}, after ${lastOffset}`)
    lastOffset = fate.offset
  }
  let last = -1
  const offsets: number[] = []
  for (const [offset, , value] of content.values) {
    if (!value?.startsWith(`${name}:`)) continue
    const number = Number(value.slice(name.length + 1))
    const before = offsets[number]
    if (before !== undefined && history.mayBeTwice(offset, before)) continue
    offsets[number] = offset
    if (number <= last) {
      wrong(`record ${number} of ${name} comes after ${last}: doubled or reordered`)
      return
    }
    last = number
  }
}
