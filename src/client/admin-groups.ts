import { DeleteGroups } from '../wire/kafka/messages/delete-groups.ts'
import { DescribeGroups } from '../wire/kafka/messages/describe-groups.ts'
import { ListGroups } from '../wire/kafka/messages/list-groups.ts'
import { OffsetFetch } from '../wire/kafka/messages/offset-fetch.ts'
import { type Assignment, decodeAssignment } from './assignor.ts'
import { type Cluster, ensureOk } from './cluster.ts'
import { askEveryBroker, type Missing } from './every-broker.ts'
import type { CommitOffset } from './group.ts'

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: string
  /** `Classic`, `Consumer` and so on; empty where the broker doesn't say. */
  readonly type: string
}

export interface GroupDescription extends Omit<GroupListing, 'type'> {
  /** host:port of the broker that coordinates it. */
  readonly coordinator: string
  /** The assignment strategy. */
  readonly protocol: string
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    /** Empty when the group is not a consumer's. */
    readonly assignment: Assignment
  }[]
}

/** The groups of all brokers. `missing`: see `askEveryBroker`. */
export async function listGroups(cluster: Cluster, missing?: Missing): Promise<GroupListing[]> {
  const lists = await askEveryBroker(
    cluster,
    async (connection, { id }) => {
      const { errorCode, groups } = await connection.request(ListGroups, {})
      ensureOk(errorCode, `Groups of broker ${id}`)
      return groups.map(({ groupId, protocolType, groupState, groupType }) => ({
        groupId,
        protocolType,
        state: groupState,
        type: groupType
      }))
    },
    missing
  )
  return lists.flat().sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** Rejects with GROUP_ID_NOT_FOUND for a group that does not exist. */
export async function describeGroup(cluster: Cluster, groupId: string): Promise<GroupDescription> {
  const connection = await cluster.coordinator(groupId)
  const { groups } = await connection.request(DescribeGroups, { groups: [groupId], includeAuthorizedOperations: false })
  const [group] = groups
  ensureOk(group.errorCode, `Group ${groupId}`, group.errorMessage)
  if (group.groupState === 'Dead') ensureOk(groupIdNotFound, `Group ${groupId}`)
  return {
    groupId,
    coordinator: connection.address,
    protocolType: group.protocolType,
    state: group.groupState,
    protocol: group.protocolData,
    members: group.members.map(member => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      assignment: group.protocolType === 'consumer' ? decodeAssignment(member.memberAssignment) : []
    }))
  }
}

/** Before version 6 an unknown group is said to be Dead. */
const groupIdNotFound = 69

export async function deleteGroup(cluster: Cluster, groupId: string): Promise<void> {
  const connection = await cluster.coordinator(groupId)
  const { results } = await connection.request(DeleteGroups, { groupsNames: [groupId] })
  for (const { errorCode } of results) ensureOk(errorCode, `Group ${groupId}`)
}

/** A group's committed offsets of these partitions, or of all (null); what has none is left out. */
export async function committedOffsets(
  cluster: Cluster,
  groupId: string,
  of: Assignment | null
): Promise<CommitOffset[]> {
  const connection = await cluster.coordinator(groupId)
  const topics = of?.map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions })) ?? null
  const response = await connection.request(OffsetFetch, { groupId, topics })
  ensureOk(response.errorCode, `Offsets of group ${groupId}`)
  return response.topics.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partitionIndex, committedOffset, errorCode }) => {
      ensureOk(errorCode, `Offset of ${name}-${partitionIndex} in group ${groupId}`)
      return committedOffset < 0 ? [] : [{ topic: name, partition: partitionIndex, offset: committedOffset }]
    })
  )
}
