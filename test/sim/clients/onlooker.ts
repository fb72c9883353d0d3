import { committedOffsets } from '../../../src/client/admin-groups.ts'
import type { Cluster } from '../../../src/client/cluster.ts'
import { sleep } from '../../../src/std/clock.ts'
import { codeOf } from '../../../src/std/errors.ts'
import { below, type Random } from '../../../src/std/random.ts'
import type { PartitionHistory } from './history.ts'
import type { GroupHistory } from './member.ts'

/**
 * Asks what a group has committed without being a member: nothing that it does has to be written first, so that a coordinator
 * which others have replaced may answer it from memory.
 */
export async function lookOn(
  group: GroupHistory,
  partitions: readonly PartitionHistory[],
  { cluster, random, stopped }: { cluster: Cluster; random: Random; stopped: () => boolean }
): Promise<void> {
  while (!stopped())
    try {
      const floors = partitions.map(partition => group.of(partition).floor)
      const found = await committedOffsets(cluster, group.groupId, null)
      for (const [at, partition] of partitions.entries()) {
        const { topic, index } = partition
        const told = found.find(one => one.topic === topic.name && one.partition === index)
        group.told(partition, told?.offset ?? -1, floors[at])
      }
      await sleep(cluster.clock, 20 + below(random, 150))
    } catch (error) {
      cluster.doubt(codeOf(error))
      await sleep(cluster.clock, 20 + below(random, 50))
    }
}
