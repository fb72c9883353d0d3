import { join } from 'node:path'
import { bringJars } from '../../test/support/apache-kafka.ts'
import { testJavaClient } from './java-program.ts'
import { root } from './program.ts'

/** The last of the clients 2.x, from before KIP-516 gave Fetch topic ids. */
const version = '2.8.2'
const jars = join(root, `.cache/kafka-clients-${version}`)

testJavaClient(version, jars, 'clients2', () =>
  bringJars(join(root, 'compat/java/pom.xml'), jars, `kafka-clients ${version}`)
)
