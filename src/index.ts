import { nodeOptions } from './config/node-options.ts'
import type { Texts } from './config/sources.ts'
import { groupOptions } from './groups/options.ts'
import { type RunningBroker, runBroker } from './run/start-broker.ts'
import { type Logger, silent } from './std/log.ts'

export type { RunningBroker } from './run/start-broker.ts'
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
  const { port = 0, host, dataDir, nodeId, config = {}, logger = silent } = options
  const texts: Texts = {}
  if (dataDir === undefined) {
    texts[nodeOptions.memory.name] = 'true'
    texts[groupOptions.initialRebalanceDelayMs.name] = '0'
  } else texts[nodeOptions.dataDir.name] = dataDir
  texts[nodeOptions.port.name] = String(port)
  if (host !== undefined) texts[nodeOptions.host.name] = host
  if (nodeId !== undefined) texts[nodeOptions.nodeId.name] = String(nodeId)
  for (const [name, value] of Object.entries(config)) texts[name] = String(value)
  return runBroker(texts, logger)
}
