import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { whyNoJdk } from '../../test/support/apache-kafka.ts'
import { complaint, root, testProgram, whyNoCommand } from './program.ts'

const folder = join(root, 'compat/java')

const sources = (name: string) => {
  const path = join(folder, 'src', name)
  return readdirSync(path).map(file => join(path, file))
}

/** The same checks for every version of the Java client: `own` is the folder with what a version calls otherwise. */
export function testJavaClient(version: string, jars: string, own: string, whyNoJars: () => string | undefined): void {
  const path = join(jars, '*')
  testProgram({
    name: `kafka-clients ${version}`,
    whyNot: whyNoJdk() ?? whyNoCommand('javac', ['-version']) ?? whyNoJars(),
    settings: { 'group.max.size': '5' },
    build() {
      const classes = join(root, `.cache/java/${own}`)
      rmSync(classes, { recursive: true, force: true })
      mkdirSync(classes, { recursive: true })
      const files = [...sources('checks'), ...sources(own)]
      const why = complaint('javac', ['-nowarn', '-proc:none', '-d', classes, '-cp', path, ...files])
      if (why) throw new Error(why)
      const flags = ['-Xmx512M', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dlog4j2.level=OFF']
      return ['java', ...flags, '-cp', `${classes}:${path}`, 'Main']
    }
  })
}
