import { nodeOptions } from '../../config/node-options.ts'
import type { Texts } from '../../config/sources.ts'
import { DiskError } from '../../disk/disk.ts'
import { sharedMetastore } from '../../metastore/shared/client.ts'
import { messageOf, NaruError } from '../../std/errors.ts'
import { isInEtcd } from '../etcd.ts'
import { type LogLevel, stderrLogger } from '../logger.ts'
import { runBroker } from '../start-broker.ts'
import { systemClock } from '../system.ts'
import { type FromBroker, lineOver, type ToBroker } from './messages.ts'

/** A broker whose supervisor is gone may take so long to put its data in order. */
const orphanMs = 5000

/**
 * Runs a broker in this process for the supervisor at the other end of its IPC channel, which gives it its options and
 * shares its metastore. Throws INVALID_CONFIG where there is none. The process ends with the broker.
 */
export function serveSupervisor(): void {
  if (!process.send)
    throw new NaruError('INVALID_CONFIG', "This is how a supervisor starts a broker: use 'naru start --brokers N'.")
  const { metastore: channel, say, onSaid } = lineOver<ToBroker, FromBroker>(process)
  // A terminal's Ctrl-C reaches all processes at once; the supervisor stops the brokers one after the other.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => say({ type: 'asked to stop' }))
  onSaid(message => {
    if (message.type === 'start') void run(message.texts)
  })

  async function run(texts: Texts): Promise<void> {
    const level = (texts[nodeOptions.logLevel.name] ?? nodeOptions.logLevel.default) as LogLevel
    const logger = stderrLogger(level, { node: Number(texts[nodeOptions.nodeId.name]) })
    try {
      const cluster = isInEtcd(texts) ? undefined : { metastore: sharedMetastore(channel, systemClock) }
      const broker = await runBroker(texts, logger, cluster)
      const { host, port, clusterId } = broker
      channel.onClosed(() => {
        logger.error({}, 'the supervisor is gone: this broker stops')
        setTimeout(() => process.exit(1), orphanMs).unref()
        const exit = () => process.exit(1)
        broker.kill().then(exit, exit)
      })
      onSaid(message => {
        if (message.type !== 'stop') return
        broker.close().then(
          () => process.exit(0),
          error => {
            logger.error({ err: error }, 'could not stop cleanly')
            process.exit(1)
          }
        )
      })
      say({ type: 'ready', host, port, clusterId })
    } catch (error) {
      say({ type: 'failed', code: codeOf(error), message: messageOf(error) }, () => process.exit(1))
      channel.onClosed(() => process.exit(1))
    }
  }
  // Before it has started there is nothing to put in order.
  channel.onClosed(() => setTimeout(() => process.exit(1), orphanMs).unref())
}

function codeOf(error: unknown): string {
  if (error instanceof NaruError) return error.code
  if (error instanceof DiskError) return error.kind
  return String((error as NodeJS.ErrnoException).code ?? '')
}
