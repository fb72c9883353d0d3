import type { Partition } from '../partition/partition.ts'
import { Following } from './following.ts'
import { Lane, type LaneWorld } from './lane.ts'

interface Followed {
  readonly following: Following
  readonly lane: Lane
  readonly nodeId: number
}

/**
 * Fetches what this broker follows. Each leader has two lanes: one for partitions that are in sync, one for those that
 * have to catch up, so that what is large never delays what is waited for.
 */
export class Fetchers {
  private readonly world: LaneWorld
  private readonly lanes = new Map<string, Lane>()
  private readonly followed = new Map<Partition, Followed>()

  constructor(world: LaneWorld) {
    this.world = toldOnce(world)
  }

  /** Fetches a partition from a leader of the given epoch on. May be called again with whatever has changed. */
  follow(partition: Partition, nodeId: number, epoch: number, inSync: boolean): void {
    const lane = this.lane(nodeId, inSync)
    const known = this.followed.get(partition)
    if (known?.following.role.epoch === epoch && partition.follower === known.following.role) {
      if (known.lane === lane) return
      known.lane.remove(known.following)
      lane.add(known.following)
      this.followed.set(partition, { following: known.following, lane, nodeId })
      return
    }
    this.unfollow(partition)
    const following = new Following(partition, partition.follow(epoch))
    this.followed.set(partition, { following, lane, nodeId })
    lane.add(following)
  }

  unfollow(partition: Partition): void {
    const known = this.followed.get(partition)
    if (!known) return
    this.followed.delete(partition)
    known.lane.remove(known.following)
  }

  async close(): Promise<void> {
    await Promise.all([...this.lanes.values()].map(lane => lane.close()))
    this.lanes.clear()
  }

  private lane(nodeId: number, inSync: boolean): Lane {
    const key = `${nodeId}:${inSync}`
    let lane = this.lanes.get(key)
    if (!lane) {
      lane = new Lane(nodeId, this.world, inSync)
      this.lanes.set(key, lane)
    }
    return lane
  }
}

/**
 * A leader that nobody listens at is gone, where it was connected to under this registration: before, it may not listen yet. That
 * is told once, whatever both lanes find, until there is a connection again: told again it would end the next registration of
 * one that lives, cut off from this broker only.
 */
function toldOnce(world: LaneWorld): LaneWorld {
  /** Registrations that were connected to since they were told of, by node. */
  const reached = new Map<number, number>()
  return {
    ...world,
    connected(leader) {
      reached.set(leader.nodeId, leader.epoch)
      world.connected?.(leader)
    },
    async refused(leader) {
      const { nodeId, epoch } = leader
      if (reached.get(nodeId) !== epoch) return
      reached.delete(nodeId)
      try {
        await world.refused(leader)
      } catch (error) {
        if (!reached.has(nodeId)) reached.set(nodeId, epoch)
        throw error
      }
    }
  }
}
