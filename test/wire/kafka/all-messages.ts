import { readdirSync } from 'node:fs'
import { Message } from '../../../src/schema/message.ts'

const folder = new URL('../../../src/wire/kafka/messages/', import.meta.url)

/** Every message that is declared: requests, responses and records. */
export const allMessages: Message<unknown, unknown>[] = []
for (const file of readdirSync(folder)) {
  const module = (await import(new URL(file, folder).href)) as Record<string, unknown>
  for (const value of Object.values(module)) {
    if (value instanceof Message) allMessages.push(value)
    const { request, response } = value as { request?: unknown; response?: unknown }
    if (request instanceof Message && response instanceof Message) allMessages.push(request, response)
  }
}

/** Visits each message at each of its versions. */
export function eachVersion(visit: (message: Message<unknown, unknown>, version: number) => void): void {
  for (const message of allMessages)
    for (let version = message.versions[0]; version <= message.versions[1]; version++) visit(message, version)
}
