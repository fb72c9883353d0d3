import { fetchOptions } from '../broker/fetch.ts'
import { maintenanceOptions } from '../broker/maintenance.ts'
import { topicAdminOptions } from '../broker/topic-admin-options.ts'
import { fixedBrokerOptions, topicDefaultOptions } from '../broker/topic-options.ts'
import { cordonOptions } from '../control/cordon.ts'
import { controlOptions } from '../control/options.ts'
import { kafkaDoorOptions } from '../doors/kafka/options.ts'
import { listenerOptions } from '../doors/listener/options.ts'
import { groupOptions } from '../groups/options.ts'
import { etcdOptions } from '../metastore/etcd/options.ts'
import { partitionBrokerOptions } from '../partition/options.ts'
import { replicationOptions } from '../replication/options.ts'
import { throttleOptions } from '../replication/throttle.ts'
import type { Option } from '../std/option.ts'
import { cleanerOptions } from '../storage/compaction/options.ts'
import { storageBrokerOptions } from '../storage/options.ts'
import { nodeOptions } from './node-options.ts'

/** Every option of a broker, wherever it is declared. */
export const brokerOptions: readonly Option[] = [
  nodeOptions,
  listenerOptions,
  kafkaDoorOptions,
  fetchOptions,
  groupOptions,
  partitionBrokerOptions,
  storageBrokerOptions,
  cleanerOptions,
  maintenanceOptions,
  topicAdminOptions,
  controlOptions,
  cordonOptions,
  etcdOptions,
  replicationOptions,
  throttleOptions,
  topicDefaultOptions,
  fixedBrokerOptions
].flatMap(group => Object.values<Option>(group))
