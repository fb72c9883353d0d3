import { NaruError } from '../std/errors.ts'
import type { LevelControl } from '../std/log.ts'
import { option } from '../std/option.ts'
import type { ConfigEntry } from './config-entries.ts'
import type { ConfigChange } from './configs.ts'

/** Kafka's levels by name; the broker's lines have no other than debug, info, warn and error. */
const levels = ['DEBUG', 'ERROR', 'FATAL', 'INFO', 'TRACE', 'WARN'] as const

const root = option({ name: 'root', type: 'string', default: 'INFO', doc: 'The least severe log lines of the broker.' })

/**
 * The level of the broker's log lines as the configs of its loggers (KIP-412): there is one logger, `root`. What is set
 * holds until the process ends.
 */
export class LogLevels {
  private readonly control: LevelControl | undefined
  private readonly nodeId: number

  /** Without `control` there is no logger whose level could be changed. */
  constructor(control: LevelControl | undefined, nodeId: number) {
    this.control = control
    this.nodeId = nodeId
  }

  describe(node: string): ConfigEntry[] {
    if (node === '') throw new NaruError('INVALID_REQUEST', 'Broker id must not be empty')
    if (!isInteger(node)) throw new NaruError('INVALID_REQUEST', `Broker id must be an integer, but it is: ${node}`)
    if (Number(node) !== this.nodeId)
      throw new NaruError('INVALID_REQUEST', `Unexpected broker id, expected ${this.nodeId} but received ${node}`)
    if (!this.control) return []
    const value = this.control.level.toUpperCase()
    return [{ option: root, name: root.name, value, source: 'logger', readOnly: false, synonyms: [] }]
  }

  change(node: string, changes: readonly ConfigChange[], validateOnly: boolean): void {
    if (!isInteger(node)) throw new NaruError('INVALID_REQUEST', `Node id must be an integer, but it is: ${node}`)
    if (Number(node) !== this.nodeId)
      throw new NaruError('INVALID_REQUEST', `Unexpected node id. Expected ${this.nodeId}, but received ${node}`)
    for (const change of changes) this.check(change)
    const level = changes.at(-1)?.value
    if (this.control && level && !validateOnly) this.control.level = level.toLowerCase()
  }

  private check({ name, operation, value }: ConfigChange): void {
    if (operation !== 'set' && operation !== 'delete')
      throw new NaruError(
        'INVALID_REQUEST',
        `${operation.toUpperCase()} operation is not allowed for the BROKER_LOGGER resource`
      )
    if (name !== root.name || !this.control) throw new NaruError('INVALID_CONFIG', `Logger ${name} does not exist!`)
    if (operation === 'delete')
      throw new NaruError('INVALID_REQUEST', 'Removing the log level of the root logger is not allowed')
    if (!levels.some(level => level === value))
      throw new NaruError(
        'INVALID_CONFIG',
        `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${levels.join(', ')}`
      )
  }
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text)
}
