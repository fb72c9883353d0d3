import type { Cluster, ReachableBroker } from '../../broker/cluster.ts'
import type { PartitionRef } from '../../broker/partitions.ts'
import type { ErrorCode } from '../../std/errors.ts'
import type { RequestContext } from './handler.ts'

/** Clients that lose their way in an answer with tagged fields in it, by the names with which they introduce themselves. */
const lostInTags = /^platformatic-kafka$/

/** A node as answers with current leaders lay it out. */
interface NodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/**
 * What one answer tells of the leaders that its client should have asked (KIP-951), so that it need not ask for metadata
 * first.
 */
export class CurrentLeaders {
  private readonly cluster: Cluster
  private readonly errors: readonly ErrorCode[]
  private readonly told: boolean
  private readonly nodes = new Map<number, ReachableBroker>()

  /** `since`: the version from which on the answer has room for them, with these errors. */
  constructor(context: RequestContext, since: number, errors: readonly ErrorCode[]) {
    this.cluster = context.broker.cluster
    this.errors = errors
    this.told = context.apiVersion >= since && !lostInTags.test(context.clientSoftwareName)
  }

  /** For the answer of one partition. */
  of(error: ErrorCode | undefined, ref: PartitionRef): { leaderId: number; leaderEpoch: number } | undefined {
    if (!this.told || error === undefined || !this.errors.includes(error)) return undefined
    const leader = this.cluster.leaderOf(ref)
    if (!leader) return undefined
    if (leader.at) this.nodes.set(leader.at.nodeId, leader.at)
    return { leaderId: leader.at?.nodeId ?? -1, leaderEpoch: leader.epoch }
  }

  /** Where all of those are that were named. */
  endpoints(): NodeEndpoint[] {
    return Array.from(this.nodes.values(), ({ nodeId, host, port, rack }) => ({
      nodeId,
      host,
      port,
      rack: rack ?? null
    }))
  }
}
