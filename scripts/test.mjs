// `npm test [-- FILE|FOLDER...]`: prepares the machine, builds, checks, and runs the tests, one process per file and
// two at a time. The last line is always `N passed, N failed, N skipped`; each skip says why above it.
// With arguments only these files or folders run, without the check.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { root } from './tools.mjs'

const args = process.argv.slice(2)
const verbose = args.includes('--verbose')
const asked = args.filter(arg => !arg.startsWith('-'))
// A first run of compat/ builds programs in other languages, librdkafka among them.
const fileTimeoutMs = asked.some(path => path.startsWith('compat')) ? 900_000 : 300_000
if (verbose) process.env.NARU_TEST_VERBOSE = '1'
process.chdir(root)

const counts = { passed: 0, failed: 0, skipped: 0 }
const step = (name, ok) => {
  if (ok) counts.passed++
  else counts.failed++
  console.log(`${ok ? 'ok' : 'FAILED'}  ${name}`)
}

installKcat()
step('build', node(['scripts/build.mjs']))
if (asked.length === 0) step('check (types, lint and format)', node(['scripts/check.mjs', '--no-tidy']))
// The long ones first: two run at a time, and a long one at the end would run alone.
const files = (asked.length ? asked : ['test'])
  .flatMap(testFiles)
  .sort((a, b) => Number(isLong(b)) - Number(isLong(a)) || a.localeCompare(b))
if (files.length === 0) step(`no test files in ${asked.join(' ')}`, false)
else await runTests(files)
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed ? 1 : 0)

function node(nodeArgs) {
  return spawnSync(process.execPath, nodeArgs, { stdio: 'inherit' }).status === 0
}

/** kcat is a test client only. It comes from Debian's packages where that is allowed; else its tests skip. */
function installKcat() {
  const has = command => spawnSync(command, ['-V'], { stdio: 'ignore' }).error === undefined
  if (has('kcat')) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log('kcat is not installed (no root or no apt): its tests will be skipped')
    return
  }
  console.log('Installing kcat from the system packages (apt-get)')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const aptArgs of [['update', '-qq'], ['install', '-y', '-qq', 'kcat']]) // biome-ignore format: one command a line reads worse
    if (spawnSync('apt-get', aptArgs, { stdio: ['ignore', 'ignore', 'inherit'], env, timeout: 180_000 }).status !== 0) {
      console.log('kcat could not be installed: its tests will be skipped')
      return
    }
}

function testFiles(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .filter(entry => entry.name !== 'node_modules' && !entry.name.startsWith('.'))
    .flatMap(entry => {
      const child = join(path, entry.name)
      return entry.isDirectory() ? testFiles(child) : entry.name.endsWith('.test.ts') ? [child] : []
    })
}

function isLong(file) {
  return /(^|\/)e2e\//.test(file)
}

async function runTests(paths) {
  const seconds = ms => `${(ms / 1000).toFixed(1)} s`
  const where = data => (data.file ? relative(root, data.file) : '')
  await new Promise((resolve, reject) => {
    run({ files: paths.map(path => join(root, path)), concurrency: 2, timeout: fileTimeoutMs })
      .on('test:pass', data => {
        if (data.skip !== undefined) {
          counts.skipped++
          console.log(`skip    ${where(data)} ${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`)
        } else if (data.details.type !== 'suite') {
          counts.passed++
          if (verbose) console.log(`ok      ${where(data)} ${data.name} (${seconds(data.details.duration_ms)})`)
        }
      })
      .on('test:fail', data => {
        const cause = data.details.error?.cause ?? data.details.error
        // A suite fails because a test in it did; that one is counted.
        if (data.details.type === 'suite' && data.details.error?.failureType === 'subtestsFailed') return
        counts.failed++
        console.log(`FAILED  ${where(data)} ${data.name} (${seconds(data.details.duration_ms)})`)
        console.log(indent(cause?.stack ?? cause?.message ?? String(cause)))
      })
      .on('test:stdout', data => verbose && process.stdout.write(data.message))
      .on('test:stderr', data => process.stderr.write(data.message))
      .on('test:diagnostic', data => verbose && console.log(`        ${data.message}`))
      .on('end', resolve)
      .on('error', reject)
      .resume()
  })
}

function indent(text) {
  return String(text).replaceAll(/^/gm, '        ')
}
