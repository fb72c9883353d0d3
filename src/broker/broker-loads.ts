import { type Load, loadIn, weigh } from '../control/placement.ts'
import type { Control } from '../control/types.ts'

/** What brokers have, the partitions that this broker is just making included. */
export class BrokerLoads {
  private readonly control: Control
  /** By node id. */
  private readonly planned = new Map<number, Load>()

  constructor(control: Control) {
    this.control = control
  }

  of(nodeId: number): Load {
    const there = this.control.image.load(nodeId)
    const planned = loadIn(this.planned, nodeId)
    return { leads: there.leads + planned.leads, replicas: there.replicas + planned.replicas }
  }

  /** Counts partitions that are being made, by their replicas, until `made` comes back. */
  async during<T>(assignments: readonly (readonly number[])[], made: () => Promise<T>): Promise<T> {
    for (const replicas of assignments) weigh(this.planned, replicas, 1)
    try {
      return await made()
    } finally {
      for (const replicas of assignments) weigh(this.planned, replicas, -1)
    }
  }
}
