import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Disk } from '../../disk/disk.ts'
import { nodeDisk } from '../../disk/node/disk.ts'
import { metastoreFrames } from '../../metastore/embedded/inspect.ts'
import { manifestName, readManifest } from '../../storage/compaction/manifest.ts'
import { inspectFolder } from '../../storage/inspect/folder.ts'
import { inspectJournal, journalKindOf } from '../../storage/inspect/journal.ts'
import { parseSegmentName, parseSnapshotName } from '../../storage/layout.ts'
import { readCheckpoint, readWhole } from '../../storage/recovery/checkpoint.ts'
import { readSegmentIndex } from '../../storage/segments/offset-index.ts'
import { decodeSnapshot } from '../../storage/snapshots.ts'
import { Failed } from '../failure.ts'
import { bytesText, count, RecordOutput } from '../output.ts'
import { dumpSegment, type SegmentFlags } from './dump-segment.ts'
import { Lines } from './lines.ts'
import { brokerOf, logTitles, type Target, type TargetFlags, targetOf } from './target.ts'

export interface DumpFlags extends TargetFlags, SegmentFlags {
  readonly json?: boolean
}

/** `naru log dump`. */
export async function dump(text: string | undefined, flags: DumpFlags): Promise<void> {
  const disk = nodeDisk()
  const target = await targetOf(disk, text, flags)
  const broker = brokerOf(target)
  if (broker !== undefined)
    process.stderr.write(`A broker (process ${broker}) has this folder: what it writes just now may look torn.\n`)
  const lines = new Lines(new RecordOutput(() => {}), flags.json === true)
  await dumpTarget(disk, target, flags, lines)
  await lines.flush()
}

async function dumpTarget(disk: Disk, target: Target, flags: DumpFlags, lines: Lines): Promise<void> {
  const { kind, path } = target
  switch (kind) {
    case 'folder':
      return dumpFolder(disk, path, lines)
    case 'log':
      return dumpLog(disk, path, flags, lines)
    case 'segment':
      return dumpSegment(disk, path, flags, lines)
    case 'index':
      return dumpIndex(disk, path, lines)
    case 'snapshot':
      return dumpSnapshot(disk, path, lines)
    case 'journal':
      return dumpJournal(disk, target, lines)
    case 'checkpoint':
      return dumpCheckpoint(disk, target, lines)
    case 'manifest':
      return dumpManifest(disk, path, lines)
    case 'metastore':
      return dumpMetastore(disk, path, lines)
    case 'text':
      lines.print({ kind: 'text', path, text: readFileSync(path, 'utf8') }, ({ text }) => text.trimEnd())
  }
}

async function dumpFolder(disk: Disk, folder: string, lines: Lines): Promise<void> {
  const { version, checkpoint, clean, journals } = await inspectFolder(disk, folder)
  const title = await logTitles(disk, folder)
  const number = typeof checkpoint === 'string' ? checkpoint : checkpoint.number
  lines.print({ kind: 'folder', path: folder, version, checkpoint: number, clean }, () => {
    const state = clean ? 'stopped cleanly' : 'running, or not stopped cleanly'
    return `${folder}: format ${version}, ${state}; checkpoint ${number}`
  })
  for (const journal of journals)
    lines.print({ kind: 'journal', ...journal }, ({ name, bytes, rounds, firstSequence, lastSequence, needed }) => {
      const range = rounds === 0 ? '' : ` (${firstSequence} to ${lastSequence}), ${needed} needed by a start`
      return `journal/${name}  ${bytesText(bytes)}  ${count(rounds, 'round')}${range}`
    })
  if (typeof checkpoint === 'string') return
  let empty = 0
  for (const [name, { start, end, segments, damaged }] of checkpoint.logs) {
    if (end === 0 && !lines.json) {
      empty++
      continue
    }
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
    lines.print(
      { kind: 'log', log: name, title: title(name), start, end, segments: segments.length, bytes, damaged },
      ({ title }) => {
        const lost = damaged.map(({ from, to }) => `  DAMAGED ${from} to ${to - 1}`).join('')
        const name = title.padEnd(30)
        return `${name}  offsets ${start} to ${end}  ${count(segments.length, 'segment')}  ${bytesText(bytes)}${lost}`
      }
    )
  }
  if (empty > 0) lines.print({}, () => `and ${count(empty, 'log')} that never had anything`)
}

async function dumpLog(disk: Disk, folder: string, flags: DumpFlags, lines: Lines): Promise<void> {
  const names = await disk.list(folder)
  if (!names.some(name => name.endsWith('.log')))
    process.stderr.write('It has no segments; what it may have in the journal moves there when a broker starts.\n')
  for (const name of names.filter(name => name.endsWith('.log'))) {
    lines.print({ kind: 'file', path: `${folder}/${name}` }, ({ path }) => path)
    await dumpSegment(disk, `${folder}/${name}`, flags, lines)
  }
  if (names.includes(manifestName)) await dumpManifest(disk, `${folder}/${manifestName}`, lines)
  for (const name of names.filter(name => name.endsWith('.snapshot')))
    await dumpSnapshot(disk, `${folder}/${name}`, lines)
}

async function dumpIndex(disk: Disk, path: string, lines: Lines): Promise<void> {
  const bytes = (await readWhole(disk, path)) ?? Buffer.alloc(0)
  const index = readSegmentIndex(
    parseSegmentName(basename(path), 'index') ?? { base: 0, generation: 0 },
    bytes,
    Number.POSITIVE_INFINITY
  )
  for (let entry = 0; entry < index.count; entry++) {
    const { timestamp, offset } = index.timestampBefore(entry)
    lines.print(
      {
        kind: 'entry',
        offset: index.offsetAt(entry),
        position: index.positionAt(entry),
        newestTimestamp: timestamp,
        newestTimestampOffset: offset
      },
      ({ offset, position, newestTimestamp }) =>
        `offset ${offset}  byte ${position}  newest timestamp in front ${newestTimestamp}`
    )
    await lines.pace()
  }
  const intact = bytes.length === 0 ? 0 : index.slice(0, index.count).length + 24
  if (intact < bytes.length)
    lines.print(
      { kind: 'damage', position: intact, bytes: bytes.length - intact },
      ({ position }) => `DAMAGED from byte ${position} on: not used`
    )
}

async function dumpSnapshot(disk: Disk, path: string, lines: Lines): Promise<void> {
  const found = decodeSnapshot((await readWhole(disk, path)) ?? Buffer.alloc(0))
  const offset = parseSnapshotName(basename(path)) ?? -1
  lines.print(
    { kind: 'snapshot', path, offset, intact: found !== undefined, epoch: found?.epoch, bytes: found?.bytes.length },
    ({ intact, epoch, bytes }) =>
      intact
        ? `snapshot of what lies below offset ${offset}: epoch ${epoch}, ${bytesText(bytes ?? 0)}`
        : `snapshot at offset ${offset}: DAMAGED`
  )
}

async function dumpJournal(disk: Disk, { path, folder }: Target, lines: Lines): Promise<void> {
  const kind = journalKindOf(basename(path))!
  const title = await logTitles(disk, folder)
  const { rounds, brokenSequences } = await inspectJournal(disk, path, kind)
  for (const { entries, ...round } of rounds) {
    const shown = entries.map(entry => ({ ...entry, title: title(entry.log) }))
    lines.print({ kind: 'round', ...round, entries: shown }, ({ sequence, order, position, bytes }) => {
      const head = `byte ${position}  round ${sequence}  order ${order}  ${bytesText(bytes)}`
      return [head, ...shown.map(entry => `  ${entryText(entry)}`)].join('\n')
    })
    await lines.pace()
  }
  for (const sequence of brokenSequences)
    lines.print({ kind: 'broken', sequence }, () => `round ${sequence}: torn, damaged or overwritten in part`)
}

function entryText(
  entry: Awaited<ReturnType<typeof inspectJournal>>['rounds'][number]['entries'][number] & { title: string }
) {
  const { kind, title, offset, end, batches, bytes, place } = entry
  if (kind === 'data')
    return `data   ${title}  offsets ${offset} to ${end - 1}  ${count(batches, 'batch', 'batches')}  ${bytesText(bytes)}`
  const at = place ? `  segment ${place.segmentBase} byte ${place.position} offset ${place.offset}` : ''
  return `${kind.padEnd(5)}  ${title}  offset ${offset}${at}`
}

async function dumpCheckpoint(disk: Disk, { path, folder }: Target, lines: Lines): Promise<void> {
  const checkpoint = await readCheckpoint(disk, path.slice(0, path.lastIndexOf('/')))
  if (typeof checkpoint === 'string') throw new Failed(`${path} is ${checkpoint}.`)
  const title = await logTitles(disk, folder)
  const { logs, ...head } = checkpoint
  lines.print({ kind: 'checkpoint', ...head }, head => JSON.stringify(head))
  for (const [log, state] of logs) {
    lines.print({ kind: 'log', log, title: title(log), ...state }, ({ title }) => `${title}  ${JSON.stringify(state)}`)
    await lines.pace()
  }
}

/** Which segments hold the compacted part of a log. */
async function dumpManifest(disk: Disk, path: string, lines: Lines): Promise<void> {
  const manifest = await readManifest(disk, path.slice(0, path.lastIndexOf('/')))
  if (typeof manifest === 'string') throw new Failed(`${path} is ${manifest}.`)
  lines.print({ kind: 'manifest', path, ...manifest }, ({ generation, upTo, cleanedUpTo, segments }) => {
    const head = `compaction ${generation}: offsets below ${upTo}, each key once below ${cleanedUpTo}`
    return [head, ...segments.map(segment => `  ${JSON.stringify(segment)}`)].join('\n')
  })
}

async function dumpMetastore(disk: Disk, path: string, lines: Lines): Promise<void> {
  const bytes = (await readWhole(disk, path)) ?? Buffer.alloc(0)
  const { frames, endBytes } = metastoreFrames(bytes)
  for (const frame of frames) {
    lines.print(
      { kind: 'frame', ...frame },
      ({ position, sequence, content }) => `byte ${position}  sequence ${sequence}  ${JSON.stringify(content)}`
    )
    await lines.pace()
  }
  if (endBytes < bytes.length)
    lines.print(
      { kind: 'damage', position: endBytes, bytes: bytes.length - endBytes },
      ({ position }) => `No intact frame from byte ${position} on: torn or damaged`
    )
}
