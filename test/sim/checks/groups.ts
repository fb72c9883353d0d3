import { decodeGroupRecord } from '../../../src/groups/records.ts'
import type { Anomalies } from '../anomaly.ts'
import type { GroupHistory } from '../clients/member.ts'
import { type Content, stateOf } from './replicas.ts'

/** Holds what members of a group were told against what each replica of `__consumer_offsets` makes of its log. */
export function checkGroup(group: GroupHistory, replicas: readonly Content[], anomalies: Anomalies): void {
  for (const [at, content] of replicas.entries()) {
    const committed = new Map<string, number>()
    for (const [key, value] of stateOf(content)) {
      const record = decodeGroupRecord({ key: Buffer.from(key, 'latin1'), value: Buffer.from(value, 'latin1') })
      if (record.kind !== 'offset' || record.key.group !== group.groupId || !record.value) continue
      committed.set(`${record.key.topic}-${record.key.partition}`, record.value.offset)
    }
    for (const [partition, { floor, asked }] of group.partitions()) {
      const offset = committed.get(partition.name) ?? -1
      if ((offset >= floor || group.mayLose()) && offset <= asked) continue
      anomalies.add(
        'offsets',
        `${group.groupId}: replica ${at} has ${offset} committed for ${partition.name}, where ${floor} was told and ${asked} asked for`
      )
    }
  }
}
