import { existsSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { keys } from '../../control/keys.ts'
import type { Disk } from '../../disk/disk.ts'
import { lockHolder } from '../../disk/node/lock.ts'
import { isMetastoreFile, readMetastore } from '../../metastore/embedded/inspect.ts'
import { messageOf } from '../../std/errors.ts'
import { manifestName } from '../../storage/compaction/manifest.ts'
import { formatOf } from '../../storage/inspect/folder.ts'
import { journalKindOf } from '../../storage/inspect/journal.ts'
import { logName, logsFolder, parseLogName } from '../../storage/layout.ts'
import { UsageError } from '../failure.ts'

export type TargetKind =
  | 'folder'
  | 'log'
  | 'segment'
  | 'index'
  | 'snapshot'
  | 'journal'
  | 'checkpoint'
  | 'manifest'
  | 'metastore'
  | 'text'

/** What a command is to look at. */
export interface Target {
  readonly kind: TargetKind
  readonly path: string
  /** The data folder that it lies in; undefined for a file that was taken out of one. */
  readonly folder: string | undefined
}

export interface TargetFlags {
  readonly dataDir: string
}

/** Finds what `text` names: something in the file system, or TOPIC-PARTITION in the data folder. Throws UsageError. */
export async function targetOf(disk: Disk, text: string | undefined, { dataDir }: TargetFlags): Promise<Target> {
  const path = resolve(text ?? dataDir)
  if (existsSync(path)) {
    const kind = await kindOf(disk, path)
    if (kind === undefined)
      throw new UsageError(
        text === undefined
          ? `${dataDir} is no data folder of a broker: --data-dir names another one.`
          : `${text} is neither a data folder nor a file of one.`
      )
    return { kind, path, folder: await folderOf(disk, path) }
  }
  const match = text === undefined ? null : /^(.+)-(\d+)$/.exec(text)
  const folder = resolve(dataDir)
  if (!match || text?.includes('/')) throw new UsageError(`There is no ${text ?? dataDir}.`)
  if ((await formatOf(disk, folder)) === undefined)
    throw new UsageError(
      `${dataDir} is no data folder of a broker, where ${text} could be: --data-dir names another one.`
    )
  const topicId = (await topicIds(disk, folder)).get(match[1])
  if (topicId === undefined) throw new UsageError(`There is no topic ${match[1]} in ${dataDir}.`)
  const log = `${logsFolder(folder)}/${logName({ topicId, partition: Number(match[2]) })}`
  return { kind: 'log', path: log, folder }
}

async function kindOf(disk: Disk, path: string): Promise<TargetKind | undefined> {
  const name = basename(path)
  if (statSync(path).isDirectory()) {
    if ((await formatOf(disk, path)) !== undefined) return 'folder'
    return parseLogName(name) ? 'log' : undefined
  }
  if (name.endsWith('.log')) return 'segment'
  if (name.endsWith('.index')) return 'index'
  if (name.endsWith('.snapshot')) return 'snapshot'
  if (journalKindOf(name)) return 'journal'
  if (name === 'checkpoint') return 'checkpoint'
  if (name === manifestName) return 'manifest'
  if (isMetastoreFile(name)) return 'metastore'
  return name === 'naru.json' || name === 'clean-shutdown' ? 'text' : undefined
}

async function folderOf(disk: Disk, path: string): Promise<string | undefined> {
  for (
    let at = statSync(path).isDirectory() ? path : dirname(path), level = 0;
    level < 4 && at !== dirname(at);
    at = dirname(at), level++
  )
    if ((await formatOf(disk, at)) !== undefined) return at
  return undefined
}

/** The process of the broker that has the folder, if one has. */
export function brokerOf({ folder }: Target): number | undefined {
  return folder === undefined ? undefined : lockHolder(`${folder}/lock`)
}

/** Where the metastore of a data folder is: in it, or beside it where it is that of one of several brokers (`broker-1`). */
export async function metastoreOf(disk: Disk, folder: string): Promise<string> {
  const [own, shared] = [`${folder}/metastore`, `${dirname(folder)}/metastore`]
  const isOneOfSeveral =
    /^broker-\d+$/.test(basename(folder)) && !(await disk.exists(own)) && (await disk.exists(shared))
  return isOneOfSeveral ? shared : own
}

/** Topic ids by topic name, as the folder's metastore has them. */
async function topicIds(disk: Disk, folder: string): Promise<Map<string, string>> {
  try {
    const { items } = (await readMetastore(disk, await metastoreOf(disk, folder))).range(keys.name(''))
    return new Map(items.map(({ key, value }) => [key.slice(keys.name('').length), value]))
  } catch (error) {
    throw new UsageError(`Topic names can't be read (${messageOf(error)}): name the log's folder instead.`)
  }
}

/** What people call the logs: `orders-0` by the name of its folder. Empty where the metastore can't be read. */
export async function logTitles(disk: Disk, folder: string | undefined): Promise<(log: string) => string> {
  const names = new Map<string, string>()
  if (folder !== undefined)
    try {
      for (const [name, id] of await topicIds(disk, folder)) names.set(id, name)
    } catch {
      // Folder names must do.
    }
  return log => {
    const id = parseLogName(log)
    const name = id && names.get(id.topicId)
    return name === undefined ? log : `${name}-${id!.partition}`
  }
}
