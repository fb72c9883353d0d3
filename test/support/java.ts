import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Compiles these folders of compat/java/src against a folder of jars, and gives the command that runs their main class in
 * a small JVM. `name`: of the classes' own folder. Throws with the compiler's words.
 */
export function buildJava(jars: string, name: string, folders: readonly string[], main: string): string[] {
  const classes = join(root, `.cache/java/${name}`)
  rmSync(classes, { recursive: true, force: true })
  mkdirSync(classes, { recursive: true })
  const files = folders.flatMap(folder => {
    const path = join(root, 'compat/java/src', folder)
    return readdirSync(path).map(file => join(path, file))
  })
  const path = join(jars, '*')
  const flags = ['-nowarn', '-proc:none', '-d', classes, '-cp', path]
  const { error, status, stdout, stderr } = spawnSync('javac', [...flags, ...files], { encoding: 'utf8' })
  if (error || status !== 0) throw new Error(error?.message ?? `${stdout}${stderr}`.slice(-2000))
  const run = ['-Xmx512M', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dlog4j2.level=OFF']
  return ['java', ...run, '-cp', `${classes}:${path}`, main]
}
