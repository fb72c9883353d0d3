import { alterConfigs, type ConfigChange, describeConfigs } from '../../client/admin-configs.ts'
import type { Cluster } from '../../client/cluster.ts'
import { cordonOptions } from '../../control/cordon.ts'
import { messageOf } from '../../std/errors.ts'

const { name } = cordonOptions.cordonedLogDirs

/** Marks brokers so that they get no new replicas. Where one doesn't know how to, that is said, and it may get some. */
export async function cordon(cluster: Cluster, ids: readonly number[]): Promise<void> {
  for (const id of ids)
    try {
      await change(cluster, id, { name, operation: 'set', value: '*' })
    } catch (error) {
      process.stderr.write(`Broker ${id} may get new replicas meanwhile: ${messageOf(error)}\n`)
    }
}

/** Takes the marks back, where there are any. */
export async function uncordon(cluster: Cluster, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    const configs = await cluster.retrying(() => describeConfigs(cluster, { type: 'broker', name: String(id) }))
    const config = configs.find(config => config.name === name)
    if (!config?.value) continue
    // An empty list overrules what was set at its start.
    const isOwn = config.source === 'broker'
    await change(cluster, id, { name, operation: isOwn ? 'delete' : 'set', value: isOwn ? null : '' })
  }
}

function change(cluster: Cluster, id: number, wanted: ConfigChange): Promise<void> {
  return cluster.retrying(() => alterConfigs(cluster, { type: 'broker', name: String(id) }, [wanted]))
}
