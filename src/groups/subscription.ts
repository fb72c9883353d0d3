import { DecodeError } from '../schema/errors.ts'
import { Reader } from '../schema/reader.ts'
import { ConsumerProtocolSubscription } from '../wire/kafka/messages/consumer-protocol.ts'

/**
 * The topics that consumers name in their metadata, or undefined when one of them can't be read: the bytes are the
 * clients' own affair and may be anything. Version 0 begins every version.
 */
export function subscribedTopics(metadata: readonly Buffer[]): ReadonlySet<string> | undefined {
  const topics = new Set<string>()
  try {
    for (const bytes of metadata) {
      if (bytes.length < 2) return undefined
      for (const topic of ConsumerProtocolSubscription.codec(0).decode(new Reader(bytes, 2)).topics) topics.add(topic)
    }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
  return topics
}
