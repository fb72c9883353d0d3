import { cordonOptions, whyNotCordoned } from '../control/cordon.ts'
import type { Control } from '../control/types.ts'
import { messageOf, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { formatOption, type Option, type OptionValues, parseOption, withUnits } from '../std/option.ts'
import { brokerEntries, type ConfigEntry, clusterEntries, topicEntries, versionEntry } from './config-entries.ts'
import type { BrokerSources } from './config-sources.ts'
import { LogLevels } from './log-levels.ts'
import { checkOtherName, type OtherResourceType, otherResources, refuseOtherChanges } from './other-configs.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { whyRefused } from './refused-options.ts'
import { checkTopicName } from './topic-names.ts'
import { type ConfigTexts, checkTopicConfigs, topicOptions } from './topic-options.ts'

/** What has configs. A broker's name, and that of its loggers, is its node id; '' stands for all brokers. */
export interface ConfigResource {
  readonly type: 'topic' | 'broker' | 'logger' | OtherResourceType
  readonly name: string
}

/** `append` and `subtract` are for lists. */
export type ConfigOperation = 'set' | 'delete' | 'append' | 'subtract'

export interface ConfigChange {
  readonly name: string
  readonly operation: ConfigOperation
  /** Null only with `delete`. */
  readonly value: string | null
}

interface BrokerOptions {
  readonly all: readonly Option[]
  /** By name, those in coarser units too. */
  readonly known: ReadonlyMap<string, Option>
  /** Those that can be changed while the broker runs. */
  readonly dynamic: ReadonlyMap<string, Option>
}

/** Describes and changes the configs of topics and brokers. Checks and their words are Kafka's. */
export class Configs {
  private readonly control: Control
  private readonly sources: BrokerSources
  private readonly options: BrokerOptions
  private readonly logger: Logger
  private readonly levels: LogLevels
  private readonly folder: string
  private readonly version: string | undefined

  /** `options`: every option of a broker. */
  constructor(parts: {
    control: Control
    values: OptionValues
    options: readonly Option[]
    logDir: { readonly path: string }
    logger: Logger
    version?: string
  }) {
    this.version = parts.version
    this.folder = parts.logDir.path
    const { control, values } = parts
    this.control = control
    this.sources = { image: control.image, nodeId: control.nodeId, values }
    const { options } = parts
    this.options = {
      known: new Map(options.flatMap(withUnits).map(option => [option.name, option])),
      all: options,
      dynamic: new Map(options.filter(({ dynamic }) => dynamic).map(option => [option.name, option]))
    }
    this.logger = parts.logger
    this.levels = new LogLevels(parts.logger.levelControl, control.nodeId)
  }

  /**
   * The configs of a resource. Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, and INVALID_REQUEST for the
   * name of another broker.
   */
  describe({ type, name }: ConfigResource): ConfigEntry[] {
    switch (type) {
      case 'topic':
        return this.describeNamed(name)
      case 'broker':
        if (name === '') return clusterEntries(this.control.image.brokerConfigs(undefined), this.options.dynamic)
        this.checkNodeId(name, 'Broker', ' or empty string,')
        return [
          ...brokerEntries(this.options.all, this.sources, this.options.dynamic),
          ...(this.version === undefined ? [] : [versionEntry(this.version)])
        ]
      case 'logger':
        return this.levels.describe(name)
      default:
        checkOtherName(type, name)
        return []
    }
  }

  private describeNamed(name: string): ConfigEntry[] {
    checkTopicName(name)
    const topic = this.control.image.topic(name)
    if (!topic) throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
    return this.describeTopic(topic.configs)
  }

  /** The configs of a topic for which these texts are set. */
  describeTopic(texts: ConfigTexts): ConfigEntry[] {
    return topicEntries(texts, this.sources)
  }

  /** Changes single configs of a resource (KIP-339). Gives why not, where it could not be done. */
  change(
    resource: ConfigResource,
    changes: readonly ConfigChange[],
    validateOnly: boolean
  ): Promise<Refusal | undefined> {
    return this.attempt('incremental alter configs', () => {
      checkNames(changes)
      const empty = changes.filter(({ operation, value }) => operation !== 'delete' && value === null)
      if (empty.length > 0) throw nullValues(empty)
      if (resource.type === 'logger') return this.levels.change(resource.name, changes, validateOnly)
      if (isOther(resource)) return refuseOtherChanges(resource.type, resource.name, changes)
      return this.update(
        resource,
        texts => apply(changes, texts, resource.type === 'topic' ? topicOptions : this.options.dynamic),
        validateOnly
      )
    })
  }

  /** Sets a resource's configs to these and no others. Gives why not, where it could not be done. */
  replace(
    resource: ConfigResource,
    configs: readonly { readonly name: string; readonly value: string | null }[],
    validateOnly: boolean
  ): Promise<Refusal | undefined> {
    return this.attempt('alter configs', () => {
      checkNames(configs)
      const empty = configs.filter(({ value }) => value === null)
      if (empty.length > 0) throw nullValues(empty)
      if (resource.type === 'logger') throw new NaruError('INVALID_REQUEST', 'Unknown resource type 8')
      if (isOther(resource))
        return refuseOtherChanges(
          resource.type,
          resource.name,
          configs.map(config => ({ ...config, operation: 'set' }))
        )
      const texts = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']))
      return this.update(resource, () => texts, validateOnly)
    })
  }

  private async attempt(operation: string, run: () => Promise<void> | void): Promise<Refusal | undefined> {
    try {
      await run()
      return undefined
    } catch (error) {
      return refusalOf(error, this.logger, operation)
    }
  }

  private async update(
    { type, name }: ConfigResource,
    edit: (texts: ConfigTexts) => ConfigTexts,
    validateOnly: boolean
  ): Promise<void> {
    const { control } = this
    if (type === 'broker') {
      if (name !== '') this.checkNodeId(name)
      const nodeId = name === '' ? undefined : control.nodeId
      const change = (texts: ConfigTexts) => {
        const edited = edit(texts)
        if (nodeId === undefined) checkMayBeOfAll(edited)
        const checked = checkBrokerConfigs(edited, this.options)
        this.checkNotLockedOut(checked, nodeId)
        this.checkCordons(checked)
        return checked
      }
      change(control.image.brokerConfigs(nodeId))
      if (!validateOnly) await control.updateBrokerConfigs(nodeId, change)
      return
    }
    if (name === '') throw new NaruError('INVALID_REQUEST', 'Default topic resources are not allowed.')
    checkTopicName(name)
    const topic = control.image.topic(name)
    const change = (texts: ConfigTexts) => checkTopicConfigs(edit(texts))
    change(topic?.configs ?? {})
    if (!topic) throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
    if (!validateOnly) await control.updateTopicConfigs(topic.topicId, change)
  }

  /** Refuses what would keep everybody out, for good: nobody could connect to take it back. */
  private checkNotLockedOut(texts: ConfigTexts, nodeId: number | undefined): void {
    const { image, values } = this.sources
    const all = nodeId === undefined ? texts : image.brokerConfigs(undefined)
    const here = nodeId === undefined ? image.brokerConfigs(this.control.nodeId) : texts
    const [perHost, overrides] = ['max.connections.per.ip', 'max.connections.per.ip.overrides'].map(
      name => here[name] ?? all[name] ?? values.textOf(name)
    )
    if (perHost === '0' && !overrides)
      throw new NaruError(
        'INVALID_REQUEST',
        'max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.'
      )
  }

  private checkCordons(texts: ConfigTexts): void {
    const option = cordonOptions.cordonedLogDirs
    const text = texts[option.name]
    const why = text === undefined ? undefined : whyNotCordoned(parseOption(option, text), this.folder)
    if (why !== undefined) throw new NaruError('INVALID_REQUEST', why)
  }

  private checkNodeId(name: string, what = 'Node', orElse = ','): void {
    if (!/^[+-]?\d+$/.test(name))
      throw new NaruError('INVALID_REQUEST', `${what} id must be an integer, but it is: ${name}`)
    if (Number(name) !== this.control.nodeId)
      throw new NaruError(
        'INVALID_REQUEST',
        `Unexpected broker id, expected ${this.control.nodeId}${orElse} but received ${name}`
      )
  }
}

/** Refuses to set for all brokers what each has to be told by itself. */
function checkMayBeOfAll(texts: ConfigTexts): void {
  const { name } = cordonOptions.cordonedLogDirs
  if (texts[name] !== undefined)
    throw new NaruError(
      'INVALID_REQUEST',
      `Cannot update these configs at default cluster level, broker id must be specified: [${name}]`
    )
}

/** Checks texts that are to be set for brokers and gives them in their plain form. */
function checkBrokerConfigs(texts: ConfigTexts, options: BrokerOptions): ConfigTexts {
  for (const [name, text] of Object.entries(texts)) {
    if (options.known.has(name)) continue
    const why = whyRefused(name)
    throw new NaruError(
      'INVALID_REQUEST',
      why === undefined
        ? `Unknown broker config name: ${name}`
        : `Invalid value ${text} for configuration ${name}: ${why}`
    )
  }
  const fixed = Object.keys(texts).filter(name => !options.dynamic.has(name))
  if (fixed.length > 0)
    throw new NaruError('INVALID_REQUEST', `Cannot update these configs dynamically: [${fixed.join(', ')}]`)
  const checked: Record<string, string> = {}
  for (const [name, text] of Object.entries(texts)) {
    const option = options.dynamic.get(name)
    try {
      if (option) checked[name] = formatOption(option, parseOption(option, text))
    } catch (error) {
      // As Kafka, which says INVALID_CONFIG for topics only (KAFKA-13609).
      throw new NaruError('INVALID_REQUEST', messageOf(error))
    }
  }
  return checked
}

function isOther(resource: ConfigResource): resource is ConfigResource & { readonly type: OtherResourceType } {
  return resource.type in otherResources
}

function checkNames(configs: readonly { readonly name: string }[]): void {
  if (new Set(configs.map(({ name }) => name)).size < configs.length)
    throw new NaruError('INVALID_REQUEST', 'Error due to duplicate config keys')
}

function nullValues(configs: readonly { readonly name: string }[]): NaruError {
  return new NaruError(
    'INVALID_REQUEST',
    `Null value not supported for : ${configs.map(({ name }) => name).join(', ')}`
  )
}

function apply(
  changes: readonly ConfigChange[],
  before: ConfigTexts,
  options: ReadonlyMap<string, Option>
): ConfigTexts {
  const texts = { ...before }
  for (const { name, operation, value } of changes) {
    if (operation === 'delete') delete texts[name]
    else if (operation === 'set') texts[name] = value ?? ''
    else {
      const option = options.get(name)
      if (option?.type !== 'list')
        throw new NaruError(
          'INVALID_CONFIG',
          options === topicOptions
            ? `Can't ${operation.toUpperCase()} to key ${name} because its type is not LIST.`
            : `Config value ${operation} is not allowed for config key: ${name}`
        )
      const items = list(texts[name] ?? formatOption(option, option.default))
      const given = list(value ?? '')
      const rest = items.filter(item => !given.includes(item))
      texts[name] = (operation === 'append' ? [...rest, ...given] : rest).join(',')
    }
  }
  return texts
}

function list(text: string): string[] {
  return text.split(',').flatMap(item => item.trim() || [])
}
