import type { Disk } from '../../disk/disk.ts'
import { crc32c } from '../../std/crc32c.ts'
import type { StoredLog } from '../log.ts'
import { type Compacted, type LogState, readWhole, renameNew, writeNew } from '../recovery/checkpoint.ts'
import type { Segment, SegmentState } from '../segments/segment.ts'
import type { StoreContext } from '../store-context.ts'
import type { EpochStart } from '../types.ts'

/**
 * `compacted`, in the folder of a log that was compacted: which files hold the offsets below `upTo`, and all that a
 * checkpoint would say of them. It decides, whatever the checkpoint knows: a file of lower offsets that it doesn't name is
 * left from before, or was never finished. Replacing it is the one step in which new segments take the place of old ones.
 * Nothing is ever appended to the segments in it.
 *
 * Two copies, the second at a whole block: CRC-32C of the rest in 8 hexadecimal digits, a space, JSON, spaces, a line end.
 */
export interface Manifest extends Compacted {
  /** Rounds of a lower order than this are older than it. */
  readonly order: number
  readonly segments: readonly SegmentState[]
  /** The leader epochs that began below `upTo`. */
  readonly epochs: readonly EpochStart[]
}

export const manifestName = 'compacted'
const copyBytes = 4096

export async function readManifest(disk: Disk, folder: string): Promise<Manifest | 'missing' | 'damaged'> {
  const bytes = await readWhole(disk, `${folder}/${manifestName}`)
  if (!bytes) return 'missing'
  for (let at = 0; at < bytes.length; at += copyBytes) {
    const crc = bytes.toString('latin1', at, at + 8)
    // The first block of a copy says where it ends.
    const end = bytes.indexOf(10, at)
    if (end < 0) break
    if (
      crc32c(bytes, at + 9, end)
        .toString(16)
        .padStart(8, '0') === crc
    )
      return JSON.parse(bytes.toString('latin1', at + 9, end)) as Manifest
  }
  return 'damaged'
}

export function manifestBytes(manifest: Manifest): Buffer {
  const json = JSON.stringify(manifest)
  const length = Math.ceil((json.length + 10) / copyBytes) * copyBytes
  const copy = Buffer.alloc(length, ' ', 'latin1')
  copy.write(json, 9, 'latin1')
  copy[length - 1] = 10
  copy.write(
    crc32c(copy, 9, length - 1)
      .toString(16)
      .padStart(8, '0'),
    0,
    'latin1'
  )
  return Buffer.concat([copy, copy])
}

/**
 * Makes the manifest of a log durable. When that fails before the new one took the place of the old the log stays as it
 * was; afterwards nobody can say which of them a crash leaves, and the log goes offline.
 */
export async function writeManifest(context: StoreContext, log: StoredLog, manifest: Manifest): Promise<void> {
  const { disk, folders } = context
  await writeNew(disk, log.folder, manifestName, manifestBytes(manifest))
  try {
    await renameNew(disk, folders, log.folder, manifestName)
  } catch (error) {
    log.fail(error as Error)
    throw error
  }
}

/** After a truncation to `end`: the manifest says nothing of what was cut. */
export async function cutManifest(context: StoreContext, log: StoredLog, end: number): Promise<void> {
  const { compacted } = log.compaction
  if (!compacted || compacted.upTo <= end) return
  log.compaction.compacted = {
    generation: log.compaction.nextGeneration(),
    upTo: end,
    cleanedUpTo: Math.min(compacted.cleanedUpTo, end)
  }
  await writeManifest(context, log, manifestOf(context, log, log.compaction.compacted, log.segments))
}

/** What there is below `compacted.upTo` among the segments of the log. */
export function manifestOf(
  context: StoreContext,
  log: StoredLog,
  compacted: Compacted,
  segments: readonly Segment[]
): Manifest {
  return {
    ...compacted,
    order: context.order,
    segments: segments
      .filter(segment => segment.base < compacted.upTo && segment.bytes > 0)
      .map(segment => segment.state()),
    epochs: log.epochs.list().filter(({ startOffset }) => startOffset < compacted.upTo)
  }
}

/** The segments of a log, with those of the manifest in place of what else is known of that part. */
export function adopted(manifest: Manifest, segments: readonly SegmentState[]): SegmentState[] {
  return [...manifest.segments, ...segments.filter(({ base }) => base >= manifest.upTo)]
}

/** What a checkpoint knows of a manifest that can't be read. */
export function manifestOfState(state: LogState, compacted: Compacted): Manifest {
  return {
    ...compacted,
    order: Number.POSITIVE_INFINITY,
    segments: state.segments.filter(({ base }) => base < compacted.upTo),
    epochs: state.epochs.filter(({ startOffset }) => startOffset < compacted.upTo)
  }
}
