import { resolve } from 'node:path'
import { Broker } from '../broker/broker.ts'
import { nodeOptions } from '../config/node-options.ts'
import { brokerOptions } from '../config/options.ts'
import { mergeTexts, type Texts } from '../config/sources.ts'
import { openControl } from '../control/control.ts'
import { keys } from '../control/keys.ts'
import { controlOptions } from '../control/options.ts'
import type { Control } from '../control/types.ts'
import type { Disk } from '../disk/disk.ts'
import { memoryDisk } from '../disk/memory.ts'
import { nodeDisk } from '../disk/node/disk.ts'
import { KafkaDoor } from '../doors/kafka/door.ts'
import { handlers } from '../doors/kafka/handlers/index.ts'
import { kafkaDoorOptions } from '../doors/kafka/options.ts'
import { Router } from '../doors/kafka/router.ts'
import { type ListenerLimits, listenerOptions } from '../doors/listener/options.ts'
import { openEmbeddedMetastore } from '../metastore/embedded/embedded.ts'
import type { Metastore } from '../metastore/metastore.ts'
import { NaruError } from '../std/errors.ts'
import { type Logger, silent } from '../std/log.ts'
import { Metrics } from '../std/metrics.ts'
import { OptionValues } from '../std/option.ts'
import { storeOptions } from '../storage/options.ts'
import { openLogStore } from '../storage/store.ts'
import type { LogStore } from '../storage/types.ts'
import { explainDiskError } from './explain.ts'
import { listenAll } from './listeners.ts'
import { shareOpenFiles } from './open-files.ts'
import { systemClock, systemRandom } from './system.ts'

/** How long connections may take to finish what they do when the broker closes. */
const closeGraceMs = 2000

/** A broker that runs. */
export interface RunningBroker {
  /** `host:port`, as clients are given it. */
  readonly bootstrap: string
  readonly host: string
  readonly port: number
  readonly nodeId: number
  readonly clusterId: string
  /** Undefined for a broker in memory. */
  readonly dataDir: string | undefined
  /** Every metric by name, now. */
  metrics(): Record<string, number>
  /** Stops cleanly: what was acknowledged is safe, no handle stays open. May be called again. */
  close(): Promise<void>
}

/** Closes things in the opposite order of their opening, all of them, whatever some of them say. */
class Closing {
  private readonly steps: (() => Promise<void>)[] = []

  add(step: () => Promise<void>): void {
    this.steps.push(step)
  }

  async run(): Promise<void> {
    const errors: unknown[] = []
    for (const step of this.steps.reverse()) await step().catch(error => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }
}

/**
 * Starts a broker with the given option texts (names as in docs/configuration.md; checked, INVALID_CONFIG). This is
 * the one place that says in which order things start; they stop in the opposite one.
 */
export async function runBroker(texts: Texts, logger: Logger = silent): Promise<RunningBroker> {
  const values = new OptionValues(mergeTexts(brokerOptions, texts))
  const node = values.of(nodeOptions)
  const metrics = new Metrics()
  const disk: Disk = node.memory ? memoryDisk() : nodeDisk()
  const folder = node.memory ? '/memory' : resolve(node.dataDir)
  const world = { clock: systemClock, random: systemRandom, logger, metrics }
  const closing = new Closing()
  try {
    const stored = storeOptions(values)
    const open = shareOpenFiles(stored.openFilesMax)
    const store = await openLogStore({ ...world, disk }, folder, { ...stored, openFilesMax: open.files })
    closing.add(() => store.close())
    const logDir = { path: folder, space: () => disk.space(folder) }
    const metastore = await openEmbeddedMetastore({ ...world, durable: { disk, folder: `${folder}/metastore` } })
    closing.add(() => metastore.close())
    await refuseMissingMetastore(store, metastore)
    const sessionTimeoutMs = values.get(controlOptions.sessionTimeoutMs)
    const control = await openControl({ ...world, metastore, nodeId: node.nodeId, sessionTimeoutMs })
    closing.add(() => control.close())
    refuseOtherNode(control)
    const broker = await Broker.open({ ...world, store, logDir, control, options: brokerOptions, values })
    closing.add(() => broker.close())
    const door = new KafkaDoor({
      ...world,
      broker,
      router: new Router(handlers),
      limits: values.of(kafkaDoorOptions)
    })
    closing.add(async () => door.close())
    const host = node.advertisedHost || reachable(node.host)
    const advertise = (port: number) => control.advertise({ host, port: node.advertisedPort || port })
    // Clients that wait for a restart get through at once, and must find the broker in its own metadata.
    if (node.port !== 0) await advertise(node.port)
    const current = broker.options.view(listenerOptions)
    const limits = Object.create(current, {
      connectionsMax: { get: () => Math.min(current.connectionsMax, open.connections) }
    }) as ListenerLimits
    const listener = await listenAll({ ...world, host: node.host, port: node.port, limits }, (stream, remote) =>
      door.serve(stream, remote)
    )
    closing.add(() => listener.close(closeGraceMs))
    if (node.port === 0) await advertise(listener.port)
    const port = node.advertisedPort || listener.port
    let closed: Promise<void> | undefined
    return {
      bootstrap: `${host}:${port}`,
      host,
      port,
      nodeId: node.nodeId,
      clusterId: control.image.clusterId,
      dataDir: node.memory ? undefined : folder,
      metrics: () => metrics.snapshot(),
      close() {
        // Connections end when what they wait for is answered, and closing the broker is what answers long polls.
        closed ??= Promise.allSettled([listener.close(closeGraceMs), broker.close()]).then(() => closing.run())
        return closed
      }
    }
  } catch (error) {
    await closing.run().catch(() => {})
    throw node.memory ? error : explainDiskError(error, folder)
  }
}

/**
 * Logs that no topic in the metastore owns are removed as those of deleted topics: a metastore that was lost must not
 * look like that. Asked before a cluster is founded in it, so that the next start is refused too.
 */
async function refuseMissingMetastore(store: LogStore, metastore: Metastore): Promise<void> {
  const logs = store.ids().length
  if (logs === 0 || (await metastore.get(keys.clusterId)).item) return
  throw new NaruError(
    'KAFKA_STORAGE_ERROR',
    `The data folder holds ${logs} logs but no topic that they belong to: its metastore is missing. Bring it back, or start on an empty folder.`
  )
}

/** On one machine the folder is the cluster: under another node id this broker would find nothing there to lead. */
function refuseOtherNode({ image, nodeId }: Control): void {
  for (const topic of image.topics())
    for (const { replicas } of topic.partitions)
      if (!replicas.includes(nodeId))
        throw new NaruError(
          'INVALID_CONFIG',
          `The data folder belongs to node ${replicas[0]}, not to node ${nodeId}: start it with node.id=${replicas[0]}.`
        )
}

/** The name by which clients of this machine reach an address that stands for all of them. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host
}
