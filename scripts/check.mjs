// `npm run check`: types, then lint and format, then the tidy tests. Ends with exit code 1 when any of them fails.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { bin, root } from './tools.mjs'

const tidy = existsSync('test/tidy') ? readdirSync('test/tidy').filter(name => name.endsWith('.test.ts')) : []
const steps = [
  ['types', process.execPath, [bin('typescript', 'tsc'), '--noEmit', '-p', '.']],
  ['lint and format', process.execPath, [bin('@biomejs/biome', 'biome'), 'check', '--error-on-warnings']]
]
// `npm test` runs the tidy tests among the others.
if (!process.argv.includes('--no-tidy'))
  steps.push([
    'tidy',
    process.execPath,
    ['--import', 'tsx', '--test', '--test-reporter=dot', ...tidy.map(name => `test/tidy/${name}`)]
  ])

let failed = false
for (const [name, command, args] of steps) {
  const startedMs = Date.now()
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  console.log(`${status === 0 ? 'ok' : 'FAILED'}  ${name} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`)
  if (status !== 0) failed = true
}
process.exitCode = failed ? 1 : 0
