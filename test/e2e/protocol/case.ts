import { RawConnection } from '../../support/raw.ts'
import * as ask from './requests.ts'

/** A place to try one thing: a broker, a topic of its own, and connections that are closed afterwards. */
export interface Place {
  readonly topic: string
  open(): Promise<RawConnection>
  /** Makes the place's topic. */
  create(configs?: [string, string][]): Promise<RawConnection>
}

/** One edge of the protocol: what is done, and what Apache Kafka 4.3 answers. */
export interface Case {
  name: string
  run(place: Place): Promise<unknown>
  expected: unknown
}

/** Groups are served once their coordinator is found: Apache Kafka makes its internal topic when first asked. */
export async function groupsReady(broker: { host: string; port: number }): Promise<void> {
  const connection = await RawConnection.open(broker.host, broker.port)
  await settled(
    async () => (await ask.commitOffset(connection, 'ready', 'none', 0)) === 3,
    () => ask.findCoordinator(connection)
  )
  connection.close()
}

async function settled(reached: () => Promise<boolean>, meanwhile?: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    await meanwhile?.()
    if (await reached()) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('not ready after 10 s')
}

let topics = 0

/** Runs one case on a broker and gives what came of it. */
export async function runCase(broker: { host: string; port: number }, { run }: Case): Promise<unknown> {
  const opened: RawConnection[] = []
  const topic = `edge-${++topics}`
  const open = async () => {
    const connection = await RawConnection.open(broker.host, broker.port)
    opened.push(connection)
    return connection
  }
  try {
    return await run({
      topic,
      open,
      async create(configs) {
        const connection = await open()
        const error = await ask.createTopic(connection, topic, 1, configs)
        if (error !== 0) throw new Error(`the topic could not be created: ${error}`)
        // Apache Kafka answers before its broker knows that it leads.
        await settled(async () => {
          const answer = await ask.listOffset(connection, topic, -1)
          return typeof answer !== 'string' && answer.error === 0
        })
        return connection
      }
    })
  } finally {
    for (const connection of opened) connection.close()
  }
}
