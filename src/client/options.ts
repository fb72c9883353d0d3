import type { Duplex } from 'node:stream'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'

/**
 * Opens a connection; rejects when nobody answers. The stream may already be connected or still be connecting. When `signal` is aborted
 * nobody wants it any more: what is still being connected may end then.
 */
export type Connect = (host: string, port: number, signal?: AbortSignal) => Promise<Duplex>

export interface ClientOptions {
  /** `host:port` of one broker or more, from which the rest are learnt. */
  readonly bootstrap: readonly string[]
  readonly connect: Connect
  readonly clock: Clock
  readonly random: Random
  /** Default 'naru'. */
  readonly clientId?: string
  /** How long a broker may take for one answer. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** How long a broker that took a connection may take for its first answer. Default 10,000, as in Kafka's clients. */
  readonly setupTimeoutMs?: number
  /** How long an operation is tried again before its last error is thrown. Default 60,000. */
  readonly retryTimeoutMs?: number
  /** First wait between tries; doubles up to ten times as much, with jitter. Default 100. */
  readonly retryBackoffMs?: number
  /** How long metadata is believed when nothing contradicts it. Default 300,000. */
  readonly metadataMaxAgeMs?: number
  /** Longest response that is accepted. Default 256 MiB. */
  readonly frameBytesMax?: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Takes `host:port`, `host` (port 9092) and `[v6]:port` apart. Throws Error for anything else. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text.trim())
  const port = Number(match?.[3] ?? 9092)
  if (!match || port < 1 || port > 65535) throw new Error(`'${text}' is no broker address: host:port is expected.`)
  return { host: match[1] ?? match[2], port }
}

export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
