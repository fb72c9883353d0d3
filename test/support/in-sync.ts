import { Metadata } from '../../src/wire/kafka/messages/metadata.ts'
import { AskingClient } from './asking-client.ts'

interface Described {
  brokers: { nodeId: number }[]
  topics: {
    name: string
    partitions: { partitionIndex: number; leaderId: number; replicaNodes: number[]; isrNodes: number[] }[]
  }[]
}

async function describe(port: number): Promise<Described> {
  const client = new AskingClient(port, 'describe')
  try {
    return (await client.ask(Metadata, 12, { topics: null })) as unknown as Described
  } finally {
    client.close()
  }
}

/**
 * Resolves when the broker at a port knows these brokers and no others, and each replica on one of them is in sync.
 * Partitions that nobody leads don't count unless all brokers are there.
 */
export async function inSync(port: number, alive: readonly number[], all: readonly number[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { brokers, topics } = await describe(port)
    const known = brokers.map(({ nodeId }) => nodeId).sort()
    const partitions = topics.flatMap(topic => topic.partitions)
    const led = partitions.filter(({ leaderId }) => leaderId >= 0)
    const complete = ({ replicaNodes, isrNodes }: (typeof led)[number]) =>
      replicaNodes.every(node => alive.includes(node) === isrNodes.includes(node))
    if (
      known.join() === alive.join() &&
      led.every(partition => alive.includes(partition.leaderId) && complete(partition)) &&
      (alive.length < all.length || led.length === partitions.length)
    )
      return
    if (tries === 600) throw new Error(`not in sync after 60 s: ${JSON.stringify({ known, partitions })}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** The node that leads a topic's first partition, as a broker knows it; undefined while nobody does. */
export async function leaderIn(port: number, topic: string): Promise<number | undefined> {
  const { topics } = await describe(port)
  const leader = topics
    .find(({ name }) => name === topic)
    ?.partitions.find(({ partitionIndex }) => partitionIndex === 0)
  return leader && leader.leaderId > 0 ? leader.leaderId : undefined
}
