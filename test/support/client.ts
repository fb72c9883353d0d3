import { Cluster } from '../../src/client/cluster.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import { connectTcp } from '../../src/run/connect.ts'
import { systemClock, systemRandom } from '../../src/run/system.ts'

/** A client of the brokers at these addresses (`host:port,...`), over this machine's network. */
export function clientOf(bootstrap: string, more: Partial<ClientOptions> = {}): Cluster {
  return new Cluster({
    bootstrap: bootstrap.split(','),
    connect: connectTcp,
    clock: systemClock,
    random: systemRandom,
    ...more
  })
}
