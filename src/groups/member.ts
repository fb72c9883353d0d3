import type { Reply } from '../statelog/turn.ts'
import type { ErrorCode } from '../std/errors.ts'
import type { WheelTimer } from '../std/timer-wheel.ts'

/** A way to share out the partitions that a member offers, with what the member says to it (opaque here). */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinResponse {
  /** Set when the join was refused. */
  readonly error?: ErrorCode
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** For the leader only, who shares out the partitions. */
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

export interface SyncResponse {
  readonly error?: ErrorCode
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export const emptyAssignment = Buffer.alloc(0)

/** The answer to a join that failed. */
export function refusedJoin(error: ErrorCode, memberId: string): JoinResponse {
  return {
    error,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: []
  }
}

/** The answer to a sync that failed. */
export function refusedSync(error: ErrorCode): SyncResponse {
  return { error, protocolType: null, protocolName: null, assignment: emptyAssignment }
}

export interface MemberIdentity {
  readonly id: string
  /** Set for static members (KIP-345). */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
}

/** A member of a classic group, with the requests of it that wait for the group. */
export class GroupMember implements MemberIdentity {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Fires when the member hasn't been heard of for its session time-out. */
  readonly session: WheelTimer
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  /** In the order of the member's preference. */
  protocols: readonly MemberProtocol[]
  assignment: Buffer = emptyAssignment
  /** Until its first join is answered: it can't send heartbeats before. */
  isNew = false
  joinReply: Reply<JoinResponse> | undefined
  syncReply: Reply<SyncResponse> | undefined

  constructor(
    identity: MemberIdentity,
    timeouts: { readonly rebalanceTimeoutMs: number; readonly sessionTimeoutMs: number },
    protocols: readonly MemberProtocol[],
    session: WheelTimer
  ) {
    this.id = identity.id
    this.instanceId = identity.instanceId
    this.clientId = identity.clientId
    this.clientHost = identity.clientHost
    this.rebalanceTimeoutMs = timeouts.rebalanceTimeoutMs
    this.sessionTimeoutMs = timeouts.sessionTimeoutMs
    this.protocols = protocols
    this.session = session
  }

  /** A member that waits for the group can't be expected to send heartbeats; a new one may still be given up. */
  get excusedFromHeartbeat(): boolean {
    return !this.isNew && (this.joinReply !== undefined || this.syncReply !== undefined)
  }

  /** Whether it offers exactly these protocols, in this order and with the same metadata. */
  offers(protocols: readonly MemberProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(({ name, metadata }, at) => {
        const mine = this.protocols[at]
        return mine.name === name && mine.metadata.equals(metadata)
      })
    )
  }

  metadataFor(protocolName: string | null): Buffer {
    return this.protocols.find(protocol => protocol.name === protocolName)?.metadata ?? emptyAssignment
  }
}

/** How many bytes protocols take. */
export function bytesOf(protocols: readonly MemberProtocol[]): number {
  let bytes = 0
  for (const { name, metadata } of protocols) bytes += name.length + metadata.length
  return bytes
}
