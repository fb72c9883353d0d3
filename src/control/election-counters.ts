import { Metrics } from '../std/metrics.ts'
import type { PartitionImage } from './types.ts'

/** How many leaders were elected, by what they had. Counted by the broker that wrote them. */
export class ElectionCounters {
  private readonly all
  private readonly eligible
  private readonly unclean

  constructor(metrics: Metrics = new Metrics()) {
    this.all = metrics.counter(
      'naru_leader_elections_total',
      'Leaders that this broker, as controller or on demand, has elected.'
    )
    this.eligible = metrics.counter(
      'naru_eligible_leader_elections_total',
      'Those of them that were not in sync, but eligible (KIP-966).'
    )
    this.unclean = metrics.counter(
      'naru_unclean_leader_elections_total',
      'Those of them that were neither: acknowledged records may be lost.'
    )
  }

  count(before: PartitionImage | undefined, after: PartitionImage): void {
    if (!before || before.leaderEpoch === after.leaderEpoch || before.leaderBrokerEpoch === after.leaderBrokerEpoch)
      return
    this.all.add()
    if (before.isr.includes(after.leader)) return
    if (before.elr?.includes(after.leader)) this.eligible.add()
    else this.unclean.add()
  }
}
