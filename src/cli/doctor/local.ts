import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkTopicConfigs, topicDefaultOptions } from '../../broker/topic-options.ts'
import { keys, parse, type TopicValue } from '../../control/keys.ts'
import { nodeDisk } from '../../disk/node/disk.ts'
import { lockHolder } from '../../disk/node/lock.ts'
import { readMetastore } from '../../metastore/embedded/inspect.ts'
import { messageOf } from '../../std/errors.ts'
import { formatOf } from '../../storage/inspect/folder.ts'
import { readCheckpoint } from '../../storage/recovery/checkpoint.ts'
import { UsageError } from '../failure.ts'
import { logTitles, metastoreOf } from '../log/target.ts'
import type { LocalView } from './view.ts'

/** What the data folder of a broker on this machine says, and the process that has it. Throws UsageError. */
export async function viewFolder(dataDir: string): Promise<LocalView> {
  const disk = nodeDisk()
  const folder = resolve(dataDir)
  if ((await formatOf(disk, folder)) === undefined) throw new UsageError(`${dataDir} is no data folder of a broker.`)
  const process = lockHolder(`${folder}/lock`)
  const unreadable: string[] = []
  const checkpoint = await readCheckpoint(disk, folder)
  if (checkpoint === 'damaged') unreadable.push('The checkpoint is damaged: a start reads every segment.')
  const title = await logTitles(disk, folder)
  const damaged =
    typeof checkpoint === 'string'
      ? []
      : [...checkpoint.logs].flatMap(([name, { damaged }]) => damaged.map(range => ({ log: title(name), ...range })))
  let badConfigs: LocalView['badConfigs'] = []
  try {
    badConfigs = configsOf(await readMetastore(disk, await metastoreOf(disk, folder)))
  } catch (error) {
    unreadable.push(`The metastore can't be read: ${messageOf(error)}`)
  }
  return { folder, process, ...filesOf(process), damaged, unreadable, badConfigs }
}

function configsOf(metastore: Awaited<ReturnType<typeof readMetastore>>): LocalView['badConfigs'] {
  const bad: { of: string; name: string; why: string }[] = []
  for (const { value } of metastore.range(keys.topic('')).items) {
    const { name, configs } = parse<TopicValue>(value)
    for (const [config, text] of Object.entries(configs)) {
      try {
        checkTopicConfigs({ [config]: text })
      } catch (error) {
        bad.push({ of: `topic ${name}`, name: config, why: messageOf(error) })
      }
    }
  }
  const known = new Set(topicDefaultOptions.map(({ name }) => name))
  for (const { key, value } of metastore.range('configs/brokers/').items) {
    const id = key.slice('configs/brokers/'.length)
    for (const name of Object.keys(parse<Record<string, string>>(value)))
      if (!known.has(name))
        bad.push({ of: id === 'default' ? 'all brokers' : `broker ${id}`, name, why: 'no such config can be set.' })
  }
  return bad
}

/** Linux tells it of every process. */
function filesOf(process: number | undefined): Pick<LocalView, 'openFilesMax' | 'openFiles'> {
  try {
    const limits = readFileSync(`/proc/${process}/limits`, 'utf8')
    const [, soft] = /^Max open files\s+(\S+)/m.exec(limits) ?? []
    const openFilesMax = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
    return { openFilesMax, openFiles: readdirSync(`/proc/${process}/fd`).length }
  } catch {
    return { openFilesMax: undefined, openFiles: undefined }
  }
}
