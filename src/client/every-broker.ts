import type { Broker, Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'

/** Told of a broker that could not be asked, or refused: what it knows is missing from the answer. */
export type Missing = (broker: Broker, error: Error) => void

/**
 * Asks every broker. Those that can't be asked are told to `missing`, and the others' answers count; without `missing`, and where
 * no broker answers, it rejects with the first error.
 */
export async function askEveryBroker<T>(
  cluster: Cluster,
  ask: (connection: Connection, broker: Broker) => Promise<T>,
  missing?: Missing
): Promise<T[]> {
  await cluster.fetchTopics([])
  const brokers = cluster.brokerList()
  const asked = await Promise.allSettled(brokers.map(async broker => ask(await cluster.broker(broker.id), broker)))
  const answers: T[] = []
  const failures: { broker: Broker; error: Error }[] = []
  for (const [at, outcome] of asked.entries())
    if (outcome.status === 'fulfilled') answers.push(outcome.value)
    else failures.push({ broker: brokers[at], error: outcome.reason })
  if (failures.length > 0 && (!missing || answers.length === 0)) throw failures[0].error
  for (const { broker, error } of failures) missing?.(broker, error)
  return answers
}
