import { Broker } from '../broker/broker.ts'
import { topicConfig } from '../broker/topic-options.ts'
import type { Connect } from '../client/options.ts'
import { nodeOptions } from '../config/node-options.ts'
import { brokerOptions } from '../config/options.ts'
import { claimNode } from '../control/claim-node.ts'
import { openControl } from '../control/control.ts'
import { cordonOptions, whyNotCordoned } from '../control/cordon.ts'
import { keys } from '../control/keys.ts'
import { controlOptions } from '../control/options.ts'
import type { Control } from '../control/types.ts'
import type { Disk } from '../disk/disk.ts'
import { KafkaDoor } from '../doors/kafka/door.ts'
import { handlers } from '../doors/kafka/handlers/index.ts'
import { kafkaDoorOptions } from '../doors/kafka/options.ts'
import { Router } from '../doors/kafka/router.ts'
import { type ListenerLimits, listenerOptions } from '../doors/listener/options.ts'
import type { Listener, ListenOptions, Serve } from '../doors/listener/tcp.ts'
import { openEmbeddedMetastore } from '../metastore/embedded/embedded.ts'
import type { Metastore } from '../metastore/metastore.ts'
import { type Clock, sleep } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import type { OptionValues } from '../std/option.ts'
import type { Random } from '../std/random.ts'
import { storeOptions } from '../storage/options.ts'
import { openLogStore } from '../storage/store.ts'
import type { LogStore } from '../storage/types.ts'
import { claimFolder } from './cluster-folder.ts'
import { version } from './version.ts'

/** How long connections may take to finish what they do when the broker closes. */
const closeGraceMs = 2000
/** How long a closing broker waits for others to lead what it led. */
const drainTimeoutMs = 3000
/**
 * A broker that has handed over stays for so long: clients that send it something hear that another leads, and from its metadata
 * who. Cut off instead, many try it once more before they ask others, after a pause that grows with each time.
 */
const lingerMs = 250

/** And before that for so long while members of its groups haven't heard: clients' heartbeats are 3 s apart by default. */
const membersKnowTimeoutMs = 3500

/** The outside world of one broker: the machine's, or a simulated one. */
export interface NodeWorld {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly disk: Disk
  /** Where the broker keeps its data. */
  readonly folder: string
  /** The name of the machine: what all brokers on it share, and fail with. */
  readonly machine?: string
  readonly connect: Connect
  readonly listen: (options: ListenOptions, serve: Serve) => Promise<Listener>
  /** How many files of partitions, and how many connections, may be open. */
  readonly open: { readonly files: number; readonly connections: number }
  /** The metastore of a cluster, which is the caller's to close. A broker without one is alone and keeps its own. */
  readonly metastore?: Metastore
  /** The data folder says whose it is, and is refused to others: it and the metastore come from different places. */
  readonly claims?: boolean
}

/** A broker that serves. */
export interface Node {
  readonly host: string
  readonly port: number
  readonly nodeId: number
  readonly clusterId: string
  readonly broker: Broker
  /** Stops cleanly: others take over first, what was acknowledged is safe. May be called again. */
  close(): Promise<void>
  /** Stops at once: connections are cut, the lease is left to run out. For tests of what a cluster does then. */
  kill(): Promise<void>
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

/** Starts a broker. This is the one place that says in which order things start; they stop in the opposite one. */
export async function openNode(values: OptionValues, world: NodeWorld): Promise<Node> {
  const node = values.of(nodeOptions)
  const { disk, folder, open } = world
  const closing = new Closing()
  try {
    const store = await openLogStore(world, folder, { ...storeOptions(values), openFilesMax: open.files })
    closing.add(() => store.close())
    const logDir = { path: folder, space: () => disk.space(folder) }
    const metastore = world.metastore ?? (await ownMetastore(world, closing))
    const sessionTimeoutMs = values.get(controlOptions.sessionTimeoutMs)
    const { nodeId } = node
    const notCordoned = whyNotCordoned(values.get(cordonOptions.cordonedLogDirs), folder)
    if (notCordoned !== undefined) throw new NaruError('INVALID_CONFIG', notCordoned)
    let folderId: string | undefined
    if (world.claims) {
      folderId = await claimFolder({ ...world, store, metastore }, nodeId)
      await claimNode({ ...world, metastore, nodeId, folder: folderId, sessionTimeoutMs })
    } else await refuseMissingMetastore(store, metastore)
    const control = await openControl({
      ...world,
      metastore,
      values,
      vouches: (topic, image) => {
        if (store.survival.survived === 'all') return true
        if (store.survival.survived === 'nothing') return false
        return topicConfig(topic.configs, image, nodeId, values).log.flushMessages === 1
      },
      nodeId,
      host: world.machine,
      folder: folderId,
      rack: node.rack === '' ? undefined : node.rack,
      sessionTimeoutMs
    })
    closing.add(() => control.close())
    await store.survival.vouch()
    if (!world.metastore) refuseOtherNode(control)
    const broker = await Broker.open({ ...world, store, logDir, control, options: brokerOptions, values, version })
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
    const listener = await world.listen({ ...world, host: node.host, port: node.port, limits }, (stream, remote) =>
      door.serve(stream, remote)
    )
    closing.add(() => listener.close(closeGraceMs))
    if (node.port === 0) await advertise(listener.port)
    let closed: Promise<void> | undefined
    const handOver = async () => {
      broker.groups.handOver()
      await control.drain(drainTimeoutMs)
      const stay = control.image.brokers().filter(other => other.nodeId !== control.nodeId && !other.draining)
      if (stay.length === 0) return
      await Promise.race([broker.groups.membersKnow(), sleep(world.clock, membersKnowTimeoutMs)])
      await sleep(world.clock, lingerMs)
    }
    const stop = async () => {
      if (world.metastore)
        await handOver().catch(error => world.logger.warn({ err: error }, 'the broker stops without handing over'))
      // Connections end when what they wait for is answered, and closing the broker is what answers long polls.
      await Promise.allSettled([listener.close(closeGraceMs), broker.close()])
      await closing.run()
    }
    const end = async () => {
      const left = listener.close(0)
      const abandoned = [broker.abandon(), control.abandon()]
      door.close()
      await Promise.allSettled([left, ...abandoned])
      await store.close()
    }
    return {
      host,
      port: node.advertisedPort || listener.port,
      nodeId: node.nodeId,
      clusterId: control.image.clusterId,
      broker,
      close() {
        closed ??= stop()
        return closed
      },
      kill() {
        closed ??= end()
        return closed
      }
    }
  } catch (error) {
    await closing.run().catch(() => {})
    throw error
  }
}

async function ownMetastore(world: NodeWorld, closing: Closing): Promise<Metastore> {
  const metastore = await openEmbeddedMetastore({
    ...world,
    durable: { disk: world.disk, folder: `${world.folder}/metastore` }
  })
  closing.add(() => metastore.close())
  return metastore
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
