import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { whyNoKcat } from '../support/kcat.ts'
import { type Block, codeBlocks } from '../support/markdown.ts'
import { naruCommand, type RunningBroker, startNaru } from '../support/naru.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const pages = ['README.md', 'topics', 'consumer-groups', 'durability', 'cluster', 'embedding', 'command-line'].map(
  name => (name.endsWith('.md') ? name : `docs/${name}.md`)
)

/** What the tests can't run: `npm ci` would replace what they run on, `npm test` is them. `.ci/run` runs all three. */
const notHere = new Set(['npm ci && npm test', 'npm run test:compat'])

/** What a block must have printed, by a word in it. */
const expectations: readonly (readonly [RegExp, RegExp])[] = [
  [/kcat .*greetings/, /hello\nworld/],
  [/produce orders --key-separator :\nnpm run/, /"value":"pears"/],
  [/topic: 'letters'/, /0 0 a first/],
  [/an order is announced/, /pass 1\n/],
  [/console\.log\(broker\.bootstrap\)/, /^[\w.]+:\d+\n/],
  [/consume work --group workers/, /1\n2\n3\n4\n5\n6\n/],
  [/group reset-offsets billing/, /6 offsets moved/],
  [/config get topic\/payments retention\.ms\n/, /retention\.ms = 86400000\n/],
  [/naru cluster remove --dead 3/, /Broker 3 is forgotten\.[\s\S]*Broker 2 has no replica any more/],
  [/naru log verify/, /offset 0 .*value "stopped"[\s\S]*: nothing is damaged\./],
  [/consume orders --from -1 --exit --json/, /"value":"one".*\n(.*\n)*.*apples/]
]

for (const page of pages)
  describe(`what ${page} says works`, { concurrency: 1 }, () => {
    const blocks = codeBlocks(readFileSync(join(root, page), 'utf8'))
    let clone: string
    let broker: RunningBroker
    const children: ChildProcess[] = []
    /** For commands about brokers that come and go: five, of which the third is dead. */
    let cluster: RunningCluster | undefined

    before(async () => {
      clone = mkdtempSync(join(tmpdir(), 'naru-readme-'))
      for (const name of ['package.json', 'dist', 'node_modules']) symlinkSync(join(root, name), join(clone, name))
      mkdirSync(join(clone, 'bin'))
      writeFileSync(join(clone, 'bin/naru'), `#!/bin/sh\nexec "${process.execPath}" "${naruCommand}" "$@"\n`)
      chmodSync(join(clone, 'bin/naru'), 0o755)
      broker = await startNaru({ env: { NARU_GROUP_INITIAL_REBALANCE_DELAY_MS: '0' } })
      if (blocks.some(isAboutBrokers)) cluster = await clusterWithOneDead()
      if (blocks.some(({ text }) => text.includes('offline-data'))) await stoppedBroker(join(clone, 'offline-data'))
    })
    after(async () => {
      for (const { pid, exitCode } of children) if (pid && exitCode === null) killGroup(pid)
      await broker?.remove()
      await cluster?.close()
      rmSync(clone, { recursive: true, force: true })
    })

    for (const block of blocks.filter(({ language }) => ['sh', 'js', 'yaml'].includes(language)))
      test(
        `line ${block.line}: ${block.text.trim().split('\n').at(-1)}`,
        {
          skip: block.text.includes('kcat') && whyNoKcat(),
          timeout: 60_000
        },
        () => check(block)
      )

    async function clusterWithOneDead(): Promise<RunningCluster> {
      const config = { 'broker.session.timeout.ms': 1000, 'offsets.topic.num.partitions': 2 }
      const started = await startCluster({ brokers: 5, config })
      const env = { NARU_BOOTSTRAP: started.bootstrap }
      const make = run('naru', ['topic', 'create', 'orders', '--partitions', '6', '--replication-factor', '2'], env)
      assert.deepEqual(await make.ended, { code: 0, signal: null }, await make.printed(/^/))
      await started.brokers()[2].kill()
      return started
    }

    /** A folder that a broker has left, with a record in `orders`. */
    async function stoppedBroker(dataDir: string): Promise<void> {
      const other = await startNaru({ dataDir })
      await run('sh', ['-c', 'echo stopped | naru produce orders'], { NARU_BOOTSTRAP: other.bootstrap }).ended
      await other.stop()
    }

    async function check(block: Block): Promise<void> {
      const text = block.text.replaceAll('localhost:9092', broker.bootstrap)
      if (block.language === 'js') return finished(block, run('node', [writeProgram(text)], {}))
      if (block.language === 'yaml') return startsWith(text)
      if (notHere.has(block.text.trim())) return
      if (/^(npm ci && )?npm start/.test(text)) return startsBroker(text.trim())
      const { bootstrap } = isAboutBrokers(block) && cluster ? cluster : broker
      return finished(block, run('sh', ['-e', '-c', text], { NARU_BOOTSTRAP: bootstrap }))
    }

    function writeProgram(text: string): string {
      const name = `program-${children.length}.mjs`
      writeFileSync(join(clone, name), text)
      return name
    }

    /** Runs to its end, or, where it would go on for ever, until it has printed what is expected. */
    async function finished(block: Block, { child, printed, ended }: Running): Promise<void> {
      const expected = expectations.find(([subject]) => subject.test(block.text))?.[1]
      const endless = block.text.includes('consumer.run(')
      if (endless) await printed(expected ?? assert.fail('an endless program needs an expectation'))
      else assert.deepEqual(await ended, { code: 0, signal: null }, await printed(/^/))
      if (expected) assert.match(await printed(/^/), expected)
      if (endless) killGroup(child.pid!)
      await ended
    }

    /** `npm start`, with and without flags: on a free port, its data where it was told to. */
    async function startsBroker(command: string): Promise<void> {
      const env = { NARU_PORT: '0' }
      const { child, printed, ended } = run(
        'sh',
        ['-c', command.replace('npm ci && ', '').replace('--port 9095', '--port 0')],
        env
      )
      await printed(/bootstrap\s+[\w.]+:\d+/)
      assert.ok(existsSync(join(clone, /--data-dir (\S+)/.exec(command)?.[1] ?? 'naru-data')))
      killGroup(child.pid!, 'SIGTERM')
      await ended
    }

    async function startsWith(yaml: string): Promise<void> {
      writeFileSync(join(clone, 'naru.yaml'), yaml)
      const { child, printed, ended } = run('naru', ['start', '--config', 'naru.yaml', '--port', '0'], {})
      await printed(/bootstrap\s+[\w.]+:\d+/)
      killGroup(child.pid!, 'SIGTERM')
      await ended
    }

    interface Running {
      child: ChildProcess
      /** Everything printed so far, as soon as it matches. Rejects when the process ends without. */
      printed(pattern: RegExp): Promise<string>
      ended: Promise<{ code: number | null; signal: string | null }>
    }

    function run(command: string, args: string[], env: Record<string, string>): Running {
      const path = [join(clone, 'bin'), process.env.PATH].join(delimiter)
      const child = spawn(command, args, {
        cwd: clone,
        env: { ...process.env, PATH: path, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true // a group of its own: npm's children go with it
      })
      children.push(child)
      let output = ''
      let wake = () => {}
      const read = (chunk: string) => {
        output += chunk
        wake()
      }
      child.stdout.setEncoding('utf8').on('data', read)
      child.stderr.setEncoding('utf8').on('data', read)
      let over = false
      const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code, signal) => {
          over = true
          wake()
          resolve({ code, signal })
        })
      })
      const printed = async (pattern: RegExp) => {
        while (!pattern.test(output)) {
          if (over) assert.fail(`ended without ${pattern}:\n${output}`)
          await new Promise<void>(resolve => {
            wake = resolve
          })
        }
        return output
      }
      return { child, printed, ended }
    }
  })

function isAboutBrokers({ language, text }: Block): boolean {
  return language === 'sh' && /naru cluster (add|drain|remove|plan)/.test(text)
}

function killGroup(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended by itself.
  }
}
