import { NaruError } from '../std/errors.ts'
import type { ConfigChange } from './configs.ts'

/** A kind of resource whose configs would have no effect here: which there are in Kafka, and why they are refused. */
interface OtherResource {
  readonly names: readonly string[]
  readonly why: string
  readonly unnamed: string
  readonly unnamedChange: string
  unknown(name: string): NaruError
}

/** Resources that have configs in Kafka and none here. */
export const otherResources = {
  group: {
    names: [
      ...['assignment.interval', 'heartbeat.interval', 'session.timeout'].flatMap(what =>
        ['consumer', 'share', 'streams'].map(kind => `${kind}.${what}.ms`)
      ),
      'share.auto.offset.reset',
      'share.delivery.count.limit',
      'share.isolation.level',
      'share.partition.max.record.locks',
      'share.record.lock.duration.ms',
      'share.renew.acknowledge.enable',
      'streams.initial.rebalance.delay.ms',
      'streams.num.standby.replicas'
    ],
    why: 'Only classic groups are served, and those have no configs',
    unnamed: 'Group name must not be empty',
    unnamedChange: 'Default group resources are not allowed.',
    unknown: name => new NaruError('INVALID_CONFIG', `Unknown group config name: ${name}`)
  },
  metrics: {
    names: ['interval.ms', 'match', 'metrics'],
    why: 'Metrics of clients are not collected',
    unnamed: 'Client metrics subscription name must not be empty',
    unnamedChange: "Subscription name can't be empty",
    unknown: name => new NaruError('INVALID_REQUEST', `Unknown client metrics configuration: ${name}`)
  }
} as const satisfies Record<string, OtherResource>

export type OtherResourceType = keyof typeof otherResources

/** Throws INVALID_REQUEST for a resource without a name; others are fine and have no configs. */
export function checkOtherName(type: OtherResourceType, name: string): void {
  if (name === '') throw new NaruError('INVALID_REQUEST', otherResources[type].unnamed)
}

/** Refuses what would set a config. To delete one is fine: it isn't there. */
export function refuseOtherChanges(type: OtherResourceType, name: string, changes: readonly ConfigChange[]): void {
  const resource: OtherResource = otherResources[type]
  if (name === '') throw new NaruError('INVALID_REQUEST', resource.unnamedChange)
  for (const { name: config, operation, value } of changes) {
    if (operation === 'delete') continue
    if (!resource.names.includes(config)) throw resource.unknown(config)
    if (operation !== 'set' && config !== 'match' && config !== 'metrics')
      throw new NaruError(
        'INVALID_CONFIG',
        `Can't ${operation.toUpperCase()} to key ${config} because its type is not LIST.`
      )
    throw new NaruError('INVALID_CONFIG', `Invalid value ${value} for configuration ${config}: ${resource.why}`)
  }
}
