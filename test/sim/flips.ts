import { walkBatches } from '../../src/record/check.ts'
import { lastOffset } from '../../src/record/header.ts'
import { below } from '../../src/std/random.ts'
import { type Round, readFileRounds } from '../../src/storage/journal/journal-reader.ts'
import { parseLogName } from '../../src/storage/layout.ts'
import type { SimCluster } from './cluster.ts'
import type { Machine } from './machine.ts'

/** Flips a bit in a segment of a replica, of which another one in sync has the same: it must come from there again. */
export function flipSegmentBit(sim: SimCluster, machine: Machine): string | undefined {
  // What a process has checked once it does not check again: it finds what rots while it is not there.
  machine.kill()
  const { disk, nodeId } = machine
  const segments = disk.paths().flatMap(path => {
    const [, topicId, index] = /([^/]{22})-(\d+)\/[^/]+\.log$/.exec(path) ?? []
    // What the others have in their page caches only may be gone before it is fetched from there.
    if (!topicId || sim.partitions.isPageCached(topicId) !== false) return []
    const members = sim.partitions.isrOf(topicId, Number(index)).filter(member => member !== nodeId)
    const twins = sim.machines.filter(other => members.includes(other.nodeId) && other.disk.paths().includes(path))
    const bytes = Math.max(0, ...twins.map(twin => commonBytes(disk.contents(path), twin.disk.contents(path))))
    return bytes > 0 ? [{ path, bytes }] : []
  })
  if (segments.length === 0) return undefined
  const { path, bytes } = sim.pick(segments)
  const position = below(sim.random, bytes)
  disk.flipBit(path, position, below(sim.random, 8))
  return `kill -9 of ${nodeId}, and a bit flips in byte ${position} of ${path}`
}

/** How many bytes two files begin with alike. */
function commonBytes(one: Buffer, other: Buffer): number {
  const most = Math.min(one.length, other.length)
  for (let at = 0; at < most; at++) if (one[at] !== other[at]) return at
  return most
}

/** Older rounds are in segments by now, most of them. */
const newestRounds = 12

/**
 * Flips a bit in a round of the journal, of which others in sync have all records: never in the very last one, which can't
 * be told from a write that the end of the process tore, and in none that cuts or removes a log.
 */
export function flipJournalBit(sim: SimCluster, machine: Machine): string | undefined {
  machine.kill()
  const { disk, nodeId } = machine
  const rounds = disk
    .paths()
    .filter(path => /\/journal\/sync-\d+$/.test(path))
    .flatMap(path => readFileRounds(disk.contents(path), path, 'sync', () => {}))
    .sort((one, other) => one.sequence - other.sequence)
    .slice(-newestRounds, -1)
    .filter(round => isElsewhere(sim, machine, round))
  if (rounds.length === 0) return undefined
  const { path, position, entries, sequence } = sim.pick(rounds)
  for (const { name } of entries) {
    const { topicId, partition } = parseLogName(name)!
    sim.partitions.rotted(topicId, partition, nodeId)
  }
  // Behind its last entry come zeros, which nobody reads.
  const ends = entries.map(({ piece }) => piece.position + piece.length)
  const at = position + below(sim.random, Math.max(...ends) - position)
  disk.flipBit(path, at, below(sim.random, 8))
  return `kill -9 of ${nodeId}, and a bit flips in byte ${at} of ${path}, in round ${sequence}`
}

/** Whether all that a round holds is committed, on other brokers too. */
function isElsewhere(sim: SimCluster, { nodeId, disk }: Machine, { path, entries }: Round): boolean {
  return entries.every(({ name, piece }) => {
    if (piece.kind !== 'data') return piece.kind === 'mark'
    const { topicId, partition } = parseLogName(name)!
    if (sim.partitions.isPageCached(topicId) !== false) return false
    if (!sim.partitions.isrOf(topicId, partition).some(member => member !== nodeId)) return false
    let end = piece.offset
    const batches = disk.contents(path).subarray(piece.position, piece.position + piece.length)
    walkBatches(batches, at => {
      end = lastOffset(batches, at) + 1
    })
    return sim.machines.some(
      ({ node }) => (node?.broker.partitions.ofTopic(topicId)[partition]?.highWatermark ?? 0) >= end
    )
  })
}
