import { NaruError } from '../std/errors.ts'
import { DescribeConfigs } from '../wire/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../wire/kafka/messages/incremental-alter-configs.ts'
import { ListConfigResources } from '../wire/kafka/messages/list-config-resources.ts'
import { type Cluster, ensureOk } from './cluster.ts'
import type { Connection } from './connection.ts'

/** How the protocol numbers what has configs. */
export const resourceTypes = { topic: 2, broker: 4, 'broker-logger': 8, 'client-metrics': 16, group: 32 } as const
export type ResourceType = keyof typeof resourceTypes

/** What has configs. The name of a broker, and of what it logs, is its id; '' stands for all brokers. */
export interface ConfigResource {
  readonly type: ResourceType
  readonly name: string
}

/** Where a value comes from, by the protocol's numbers, which count from 0. */
export const configSources = [
  'unknown',
  'topic',
  'broker',
  'all brokers',
  'start of the broker',
  'default',
  'broker logger',
  'client metrics',
  'group'
] as const
export type ConfigSource = (typeof configSources)[number]

const configTypes = ['unknown', 'boolean', 'string', 'int', 'short', 'long', 'double', 'list', 'class', 'password']

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

export interface ConfigEntry {
  readonly name: string
  /** Null when it is secret. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly type: string
  /** Every place that gives it a value, the one that counts first. Empty unless asked for. */
  readonly synonyms: readonly ConfigSynonym[]
  /** Empty unless asked for, or when the broker says nothing. */
  readonly documentation: string
}

/** `append` and `subtract` are for lists; `delete` goes back to the default. */
export type ConfigOperation = 'set' | 'delete' | 'append' | 'subtract'
const operations: readonly ConfigOperation[] = ['set', 'delete', 'append', 'subtract']

export interface ConfigChange {
  readonly name: string
  readonly operation: ConfigOperation
  /** Null with `delete`. */
  readonly value: string | null
}

/** The configs of a resource, by name. `details`: synonyms and documentation too. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST and others. */
export async function describeConfigs(
  cluster: Cluster,
  resource: ConfigResource,
  details = false
): Promise<ConfigEntry[]> {
  const connection = await connectionFor(cluster, resource)
  const response = await connection.request(DescribeConfigs, {
    resources: [{ resourceType: resourceTypes[resource.type], resourceName: resource.name, configurationKeys: null }],
    includeSynonyms: details,
    // Older brokers have none to give.
    includeDocumentation: details && connection.versionOf(DescribeConfigs) >= 3
  })
  const [result] = response.results
  if (!result) throw new NaruError('UNKNOWN_SERVER_ERROR', 'The broker left out the resource asked for.')
  ensureOk(result.errorCode, nameOf(resource), result.errorMessage)
  const entries = result.configs.map(config => ({
    name: config.name,
    value: config.value,
    source: sourceOf(config.configSource),
    readOnly: config.readOnly,
    sensitive: config.isSensitive,
    type: configTypes[config.configType] ?? 'unknown',
    synonyms: config.synonyms.map(({ name, value, source }) => ({ name, value, source: sourceOf(source) })),
    documentation: config.documentation ?? ''
  }))
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The version of Naru that a broker runs; undefined where it doesn't say, as older ones don't. */
export async function versionOf(cluster: Cluster, id: number): Promise<string | undefined> {
  const connection = await cluster.broker(id)
  const { results } = await connection.request(DescribeConfigs, {
    resources: [
      { resourceType: resourceTypes.broker, resourceName: String(id), configurationKeys: [brokerVersionConfig] }
    ]
  })
  return results[0]?.configs[0]?.value ?? undefined
}

/** The config by which a broker tells its version. */
export const brokerVersionConfig = 'naru.version'

/** At most so many resources are asked for in one request. */
const describedMax = 200

/** The values of all configs of many topics, by topic and name; topics that went away meanwhile are left out. */
export async function describeTopicConfigs(
  cluster: Cluster,
  topics: readonly string[]
): Promise<Map<string, ReadonlyMap<string, string | null>>> {
  const connection = await cluster.controllerConnection()
  const found = new Map<string, ReadonlyMap<string, string | null>>()
  for (let first = 0; first < topics.length; first += describedMax) {
    const { results } = await connection.request(DescribeConfigs, {
      resources: topics.slice(first, first + describedMax).map(resourceName => ({
        resourceType: resourceTypes.topic,
        resourceName,
        configurationKeys: null
      }))
    })
    for (const { errorCode, resourceName, configs } of results)
      if (errorCode === 0) found.set(resourceName, new Map(configs.map(({ name, value }) => [name, value])))
  }
  return found
}

/** Makes all of the changes or none; with `validateOnly` says only whether it would. Rejects with INVALID_CONFIG and others. */
export async function alterConfigs(
  cluster: Cluster,
  resource: ConfigResource,
  changes: readonly ConfigChange[],
  validateOnly = false
): Promise<void> {
  const connection = await connectionFor(cluster, resource)
  const response = await connection.request(IncrementalAlterConfigs, {
    resources: [
      {
        resourceType: resourceTypes[resource.type],
        resourceName: resource.name,
        configs: changes.map(({ name, operation, value }) => ({
          name,
          configOperation: operations.indexOf(operation),
          value
        }))
      }
    ],
    validateOnly
  })
  for (const { errorCode, errorMessage } of response.responses) ensureOk(errorCode, nameOf(resource), errorMessage)
}

/** What has configs, of all types that the cluster knows. Rejects with UNSUPPORTED_VERSION where it is older than 4.1. */
export async function listConfigResources(cluster: Cluster): Promise<ConfigResource[]> {
  const response = await cluster.ask(ListConfigResources, { resourceTypes: [] })
  ensureOk(response.errorCode, 'Resources with configs')
  const found: ConfigResource[] = []
  for (const { resourceName, resourceType } of response.configResources) {
    const type = (Object.keys(resourceTypes) as ResourceType[]).find(key => resourceTypes[key] === resourceType)
    if (type) found.push({ type, name: resourceName })
  }
  return found.sort((a, b) => (`${a.type}/${a.name}` < `${b.type}/${b.name}` ? -1 : 1))
}

/** A broker's own configs are asked of itself: others know what was set dynamically only. */
async function connectionFor(cluster: Cluster, { type, name }: ConfigResource): Promise<Connection> {
  if (type === 'broker-logger' || (type === 'broker' && name !== '')) {
    const id = Number(name)
    if (!Number.isInteger(id)) throw new NaruError('INVALID_REQUEST', `A broker's name is its number, not '${name}'.`)
    return cluster.broker(id)
  }
  return cluster.controllerConnection()
}

const sourceOf = (number: number): ConfigSource => configSources[number] ?? 'unknown'

/** For messages. */
function nameOf({ type, name }: ConfigResource): string {
  return name === '' ? 'Configs of all brokers' : `Configs of ${type} ${name}`
}
