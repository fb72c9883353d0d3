import { nodeOptions } from './config/node-options.ts'
import type { Texts } from './config/sources.ts'
import { groupOptions } from './groups/options.ts'
import { etcdOptions } from './metastore/etcd/options.ts'
import { type RunningBroker, runBroker } from './run/start-broker.ts'
import { type RunningCluster, runCluster } from './run/start-cluster.ts'
import { type Logger, silent } from './std/log.ts'

export type { MortalBroker, RunningBroker } from './run/start-broker.ts'
export type { RunningCluster } from './run/start-cluster.ts'
export { type ErrorCode, NaruError } from './std/errors.ts'
export type { LogFields, Logger } from './std/log.ts'

export interface BrokerOptions {
  /** 0, the default, takes a free port. */
  port?: number
  /** Where to listen; localhost by default. */
  host?: string
  /** The folder to keep everything in. Without one the broker lives in memory, and what it holds ends with it. */
  dataDir?: string
  nodeId?: number
  /** The etcd that keeps the cluster of this broker, such as `http://a:2379,b:2379`; `etcd.*` options go into `config`. */
  etcd?: string | readonly string[]
  /** Any option of docs/configuration.md by its name, such as `{ 'num.partitions': 3 }`. */
  config?: Readonly<Record<string, string | number | bigint | boolean>>
  /** Where log lines go; nowhere by default. */
  logger?: Logger
}

/**
 * Starts a broker in this process. Any number of them may run side by side.
 *
 * A broker in memory is meant for tests: it doesn't hold a group's first rebalance back for more members
 * (`group.initial.rebalance.delay.ms` is 0 there unless `config` says otherwise).
 *
 * Rejects with a NaruError: INVALID_CONFIG for an option that doesn't exist or a value that doesn't fit; errors of the
 * system (the port is taken, the folder in use) come as they are.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const texts = textsOf(options)
  if (options.dataDir === undefined) texts[nodeOptions.memory.name] = 'true'
  if (options.etcd !== undefined) texts[etcdOptions.endpoints.name] = String(options.etcd)
  if (options.nodeId !== undefined) texts[nodeOptions.nodeId.name] = String(options.nodeId)
  return runBroker({ ...texts, ...textsOfConfig(options) }, options.logger ?? silent)
}

export interface ClusterOptions extends Omit<BrokerOptions, 'nodeId' | 'etcd'> {
  /** How many; 3 by default. Their node ids are 1, 2, 3 ... */
  brokers?: number
  /** `broker.rack` of the brokers in turn. */
  racks?: readonly string[]
}

/**
 * Starts several brokers in this process that replicate for one another, as for tests of what a client does when one of
 * them ends. `port` is the first one's, the others follow; topics have three replicas unless told otherwise.
 *
 * Rejects as `startBroker` does.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  const texts = { ...textsOf(options), ...textsOfConfig(options) }
  return runCluster(options.brokers ?? 3, texts, options.logger ?? silent, options.racks)
}

function textsOf({ port = 0, host, dataDir }: BrokerOptions): Texts {
  const texts: Texts = { [nodeOptions.port.name]: String(port) }
  if (dataDir === undefined) texts[groupOptions.initialRebalanceDelayMs.name] = '0'
  else texts[nodeOptions.dataDir.name] = dataDir
  if (host !== undefined) texts[nodeOptions.host.name] = host
  return texts
}

function textsOfConfig({ config = {} }: BrokerOptions): Texts {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
}
