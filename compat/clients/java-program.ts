import { whyNoJdk } from '../../test/support/apache-kafka.ts'
import { buildJava } from '../../test/support/java.ts'
import { testProgram, whyNoCommand } from './program.ts'

/** The same checks for every version of the Java client: `own` is the folder with what a version calls otherwise. */
export function testJavaClient(version: string, jars: string, own: string, whyNoJars: () => string | undefined): void {
  testProgram({
    name: `kafka-clients ${version}`,
    whyNot: whyNoJdk() ?? whyNoCommand('javac', ['-version']) ?? whyNoJars(),
    settings: { 'group.max.size': '5' },
    build: () => buildJava(jars, own, ['checks', own], 'Main')
  })
}
