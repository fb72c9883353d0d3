import { relative } from 'node:path'
import { keys } from '../../control/keys.ts'
import type { Disk } from '../../disk/disk.ts'
import { nodeDisk } from '../../disk/node/disk.ts'
import { readMetastore } from '../../metastore/embedded/inspect.ts'
import { messageOf } from '../../std/errors.ts'
import type { Finding } from '../../storage/inspect/findings.ts'
import { walkSegmentFile } from '../../storage/inspect/segments.ts'
import { verifyStore } from '../../storage/inspect/verify.ts'
import { exitCodes, UsageError } from '../failure.ts'
import { bytesText, count, printJson } from '../output.ts'
import { Progress } from '../progress.ts'
import { brokerOf, logTitles, metastoreOf, type TargetFlags, targetOf } from './target.ts'

export interface VerifyFlags extends TargetFlags {
  readonly live?: boolean
  readonly json?: boolean
}

interface Summary {
  readonly logs: number
  readonly segments: number
  readonly batches: number
  readonly bytes: number
  readonly clean: boolean | undefined
}

/** `naru log verify`. */
export async function verify(text: string | undefined, flags: VerifyFlags): Promise<void> {
  const disk = nodeDisk()
  const target = await targetOf(disk, text, flags)
  const { kind, path, folder } = target
  if (kind !== 'folder' && kind !== 'log' && kind !== 'segment')
    throw new UsageError('A data folder, a log, TOPIC-PARTITION or a segment can be verified.')
  const broker = brokerOf(target)
  if (broker !== undefined && !flags.live)
    throw new UsageError(
      `A broker (process ${broker}) has this folder. Stop it first, or take --live: only what its checkpoint vouches for is read then.`
    )
  const title = await logTitles(disk, folder)
  const progress = new Progress()
  const found: Finding[] = []
  const report = (finding: Finding) => {
    found.push(finding)
    progress.end()
    print(finding, title, folder, flags)
  }
  const tick = (done: number, total: number, at: string) =>
    progress.update({ bytes: done, fraction: total > 0 ? done / total : undefined, at: title(at) })
  let summary: Summary
  try {
    if (kind === 'segment' || folder === undefined) summary = await verifySegment(disk, path, report, tick)
    else {
      const log = kind === 'log' ? path.slice(path.lastIndexOf('/') + 1) : undefined
      if (log === undefined) await verifyMetastore(disk, folder, report)
      const live = broker !== undefined
      summary = await verifyStore({ disk, folder, live, log, report, progress: tick })
    }
  } finally {
    progress.end()
  }
  const damages = found.filter(({ severity }) => severity === 'damage').length
  if (flags.json) printJson({ kind: 'summary', ...summary, damages, notes: found.length - damages })
  else {
    const read = `${count(summary.segments, 'segment')} of ${count(summary.logs, 'log')}, ${count(summary.batches, 'batch', 'batches')}, ${bytesText(summary.bytes)} read`
    const state = { true: 'stopped cleanly', false: 'not stopped cleanly', undefined: 'in use' }[String(summary.clean)]
    const result = damages === 0 ? 'nothing is damaged' : `${count(damages, 'damage')} found`
    process.stdout.write(`${read}${kind === 'segment' ? '' : ` (${state})`}: ${result}.\n`)
  }
  if (damages > 0) process.exitCode = exitCodes.failed
}

function print(finding: Finding, title: (log: string) => string, folder: string | undefined, flags: VerifyFlags): void {
  const { severity, path, position, log, message } = finding
  if (flags.json) {
    printJson({ kind: 'finding', severity, path, position, log, title: log && title(log), message })
    return
  }
  const shown = folder === undefined ? path : relative(folder, path) || path
  const whose = log === undefined ? '' : ` (${title(log)})`
  const place = position === undefined ? '' : `, byte ${position}`
  process.stdout.write(`${severity === 'damage' ? 'DAMAGE' : 'note  '}  ${shown}${place}${whose}: ${message}\n`)
}

async function verifyMetastore(disk: Disk, folder: string, report: (finding: Finding) => void): Promise<void> {
  const path = await metastoreOf(disk, folder)
  const damage = (message: string) => report({ severity: 'damage', path, message })
  try {
    const metastore = await readMetastore(disk, path)
    const logs = (await disk.list(`${folder}/logs`)).length
    if (logs > 0 && !metastore.get(keys.clusterId))
      damage(`it is missing: ${count(logs, 'log')} belong to no topic, and a start would refuse the folder`)
  } catch (error) {
    damage(messageOf(error))
  }
}

/** A segment on its own: nobody says how far it must reach. */
async function verifySegment(
  disk: Disk,
  path: string,
  report: (finding: Finding) => void,
  tick: (done: number, total: number, at: string) => void
): Promise<Summary> {
  let batches = 0
  let bytes = 0
  const { rest } = await walkSegmentFile(
    disk,
    path,
    {
      batch: (_buffer, _at, size) => {
        batches++
        bytes += size
      },
      damage: (from, to, position) =>
        report({ severity: 'damage', path, position, message: `offsets ${from} to ${to - 1} can't be read` })
    },
    position => tick(position, 0, path)
  )
  if (rest.bytes > 0 && !rest.isZeros)
    report({
      severity: 'note',
      path,
      position: rest.position,
      message: `${rest.bytes} bytes at its end are no intact batch; without its folder nobody knows whether they counted`
    })
  return { logs: 1, segments: 1, batches, bytes, clean: undefined }
}
