import { type Command, Option } from 'commander'
import { Cluster } from '../client/cluster.ts'
import { parseAddress } from '../client/options.ts'
import { connectTcp } from '../run/connect.ts'
import { keepingAlive, systemClock, systemRandom } from '../run/system.ts'
import { messageOf } from '../std/errors.ts'
import { UsageError } from './failure.ts'

export interface ClientFlags {
  readonly bootstrap: string
}

/** Adds the flags that every command which talks to a broker has. */
export function withClientFlags(command: Command): Command {
  return command.addOption(
    new Option('-b, --bootstrap <host:port,...>', 'brokers to ask first')
      .env('NARU_BOOTSTRAP')
      .default('localhost:9092')
  )
}

/** How long a command tries before it says that it cannot. */
const patienceMs = 10_000

/** How long a broker may hang before another one is asked. */
const setupTimeoutMs = 5000

/** Runs `work` with a connection to the cluster that the flags name, which ends with it. */
export async function withCluster<T>(flags: ClientFlags, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const bootstrap = flags.bootstrap.split(',').filter(address => address !== '')
  try {
    bootstrap.forEach(parseAddress)
  } catch (error) {
    throw new UsageError(messageOf(error))
  }
  const cluster = new Cluster({
    bootstrap,
    connect: connectTcp,
    clock: systemClock,
    random: systemRandom,
    clientId: 'naru-cli',
    retryTimeoutMs: patienceMs,
    setupTimeoutMs
  })
  const done = async () => {
    // A broker that is not there is an error at once, not after retries.
    await cluster.fetchTopics([])
    return work(cluster)
  }
  return keepingAlive(done()).finally(() => cluster.close())
}

/** A parser for commander: a whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < min)
      throw new UsageError(`'${text}' is not a whole number of at least ${min}.`)
    return value
  }
}

/** Takes `name=value` apart. */
export function nameAndValue(text: string, flag: string): [string, string] {
  const at = text.indexOf('=')
  if (at <= 0) throw new UsageError(`${flag} takes name=value, not '${text}'.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** For commander: gathers the values of a flag that may be repeated. */
export function gather(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value]
}

/** Runs `stop` on the first SIGINT or SIGTERM; the second ends the process. Gives how to let go of the signals. */
export function onStopSignal(stop: () => void): () => void {
  let asked = false
  const handle = () => {
    if (asked) process.exit(130)
    asked = true
    stop()
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  return () => {
    process.off('SIGINT', handle)
    process.off('SIGTERM', handle)
  }
}
