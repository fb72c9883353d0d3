import { openControl } from '../../src/control/control.ts'
import type { Control, PartitionImage } from '../../src/control/types.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Metastore } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'
import { SeededRandom } from '../../src/std/random.ts'

export const sessionTimeoutMs = 5000
let seed = 100

export const nextRandom = (): SeededRandom => new SeededRandom(seed++)

export interface Nodes {
  readonly clock: ManualClock
  readonly metastore: Metastore
  readonly controls: Control[]
  open(nodeId: number): Promise<Control>
  /** How a partition of the topic `t` stands, as a control sees it: the last one unless told otherwise. */
  now(index?: number, control?: Control): PartitionImage
}

/** Controls of nodes 1 to `count`, and a topic `t` with replicas on all of them. */
export async function nodes(
  count: number,
  partitions = 1,
  texts: Record<string, string> = { 'auto.leader.rebalance.enable': 'false' }
): Promise<Nodes> {
  const clock = new ManualClock()
  const metastore = await openEmbeddedMetastore({ clock, logger: silent })
  const open = (nodeId: number) =>
    openControl({
      metastore,
      nodeId,
      sessionTimeoutMs,
      values: new OptionValues(texts),
      clock,
      random: nextRandom(),
      logger: silent
    })
  const controls: Control[] = []
  for (let nodeId = 1; nodeId <= count; nodeId++) controls.push(await open(nodeId))
  const replicas = controls.map(({ nodeId }) => nodeId)
  const assignments = Array.from({ length: partitions }, () => replicas)
  await controls[0].createTopic({ name: 't', assignments, configs: {} })
  return {
    clock,
    metastore,
    controls,
    open,
    now: (index = 0, control = controls.at(-1)!) => control.image.topic('t')!.partitions[index]
  }
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
}
