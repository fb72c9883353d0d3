import { resolve } from 'node:path'
import { nodeOptions } from '../../config/node-options.ts'
import { brokerOptions } from '../../config/options.ts'
import { mergeTexts, type Texts } from '../../config/sources.ts'
import { brokerTextsIn, supervisorOptions } from '../../config/supervisor-options.ts'
import { forgetReplicas } from '../../control/lost-replicas.ts'
import { serveMetastore } from '../../metastore/shared/server.ts'
import type { Logger } from '../../std/log.ts'
import { OptionValues } from '../../std/option.ts'
import { brokerTexts, openSharedStore } from '../cluster-parts.ts'
import { etcdTexts, isInEtcd } from '../etcd.ts'
import { explainDiskError } from '../explain.ts'
import { systemClock } from '../system.ts'
import { type Address, Member } from './member.ts'
import { startBrokerProcess } from './process.ts'

export interface SupervisedBroker extends Address {
  readonly nodeId: number
  /** `host:port`. */
  readonly bootstrap: string
}

/** Brokers that run in processes of their own. */
export interface RunningSupervisor {
  /** `host:port` of every broker that runs, as clients take it. */
  readonly bootstrap: string
  readonly clusterId: string
  /** Undefined for brokers in memory. */
  readonly dataDir: string | undefined
  /** Those that run, in order of their node ids. */
  brokers(): SupervisedBroker[]
  /** Stops the brokers one after the other, each handing over what it leads, and the metastore last. */
  close(): Promise<void>
  /** Ends all processes at once. */
  kill(): void
}

/**
 * Runs brokers with the given option texts (of brokers and of the supervisor), each in a process of its own, over a
 * metastore in this one, or in etcd where the options name one. Resolves when each of them serves or has failed to; rejects when none serves, or when one can't
 * for a reason that lasts (its port is taken, an option makes no sense).
 */
export async function runSupervisor(texts: Texts, logger: Logger): Promise<RunningSupervisor> {
  const supervisor = new OptionValues(texts)
  const { brokers: count, restartBackoffMs, restartBackoffMaxMs, stopTimeoutMs } = supervisor.of(supervisorOptions)
  const own = mergeTexts(brokerOptions, brokerTextsIn(texts))
  const inEtcd = isInEtcd(own)
  const shared = inEtcd ? etcdTexts(own) : own
  const { memory, dataDir, nodeId: firstId } = new OptionValues(shared).of(nodeOptions)
  const folder = memory ? undefined : resolve(dataDir)
  const nodeIds = Array.from({ length: count }, (_, index) => firstId + index)
  // In etcd each broker goes there by itself, as those of other machines do.
  const store = inEtcd
    ? undefined
    : await openSharedStore(folder, nodeIds, logger).catch(error => {
        throw folder === undefined ? error : explainDiskError(error, folder)
      })
  const members = nodeIds.map(
    (nodeId, index) =>
      new Member({
        nodeId,
        clock: systemClock,
        logger,
        backoffMs: restartBackoffMs,
        backoffMaxMs: restartBackoffMaxMs,
        stopTimeoutMs,
        start(port) {
          const started = startBrokerProcess(nodeId)
          if (store) serveMetastore(store.metastore, started.metastore, systemClock)
          started.say({ type: 'start', texts: brokerTexts(shared, { count, index, nodeId, folder, port }) })
          return started
        },
        // What it had in memory is gone with its process.
        bury: async () => (folder === undefined && store ? forgetReplicas(store.metastore, nodeId) : undefined)
      })
  )
  // Timers keep no process alive, and while every broker waits for its restart nothing else does.
  const alive = setInterval(() => {}, 2 ** 30)
  let closing: Promise<void> | undefined
  const stop = async () => {
    for (const member of members) member.retire()
    await Promise.all(members.map(member => member.stop()))
    await store?.close()
    clearInterval(alive)
  }
  const close = () => {
    closing ??= stop()
    return closing
  }
  let clusterId: string
  try {
    ;[{ clusterId }] = await serving(members, logger)
  } catch (error) {
    for (const member of members) member.kill()
    await close()
    throw error
  }
  const running = () =>
    members.flatMap(({ nodeId, running }) =>
      running ? { nodeId, ...running, bootstrap: `${running.host}:${running.port}` } : []
    )
  return {
    get bootstrap() {
      return running()
        .map(({ bootstrap }) => bootstrap)
        .join(',')
    },
    clusterId,
    dataDir: folder,
    brokers: running,
    close,
    kill() {
      for (const member of members) member.kill()
    }
  }
}

/** Resolves when each member has started or failed to, with those that have: one at least. */
async function serving(members: readonly Member[], logger: Logger): Promise<Address[]> {
  const starts = await Promise.allSettled(members.map(member => member.start()))
  const failures = starts.flatMap(start => (start.status === 'rejected' ? [start.reason] : []))
  const started = starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : []))
  const lasting = failures.find(({ code }) => code === 'INVALID_CONFIG')
  if (lasting || started.length === 0) throw lasting ?? failures[0]
  for (const error of failures)
    logger.error({ err: error }, 'the cluster is there without a broker that does not start')
  return started
}
