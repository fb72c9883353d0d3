import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './apache-kafka.ts'
import { etcdProgram } from './etcd-packages.ts'
import { standStill } from './stand-still.ts'

export { whyNoEtcd } from './etcd-packages.ts'

export interface EtcdTestOptions {
  /** How many nodes; one when absent. */
  nodes?: number
  /** More flags of each. */
  args?: readonly string[]
  /** Serve clients by TLS, with this certificate for 127.0.0.1. */
  tls?: { ca: string; cert: string; key: string }
}

/** One etcd process. */
export interface EtcdNode {
  readonly name: string
  /** What clients connect to. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** SIGSTOP and SIGCONT: it is there and says nothing. */
  pause(): void
  resume(): void
  kill9(): Promise<void>
  /** Asks it to stop, and waits. */
  stop(): Promise<void>
  /** Starts it again on its data. */
  start(): Promise<void>
}

/** An etcd of one or more nodes on free ports, with its data in a temporary folder. */
export interface EtcdTest {
  readonly nodes: readonly EtcdNode[]
  /** As `etcd.endpoints` takes them. */
  readonly endpoints: string
  /** Runs etcdctl on all endpoints, or those given; gives what it printed. */
  ctl(args: readonly string[], endpoints?: string): Promise<string>
  /** Replaces all data by what `etcdctl snapshot save` wrote into this file. */
  restore(file: string): Promise<void>
  /** Ends all of it and removes its data. */
  remove(): Promise<void>
}

const startTimeoutMs = 20_000

export async function startEtcd(options: EtcdTestOptions = {}): Promise<EtcdTest> {
  const { nodes: count = 1, args = [], tls } = options
  const folder = mkdtempSync(join(tmpdir(), 'naru-etcd-'))
  const scheme = tls ? 'https' : 'http'
  const members: { name: string; port: number; peer: string }[] = []
  for (let index = 0; index < count; index++)
    members.push({ name: `n${index + 1}`, port: await freePort(), peer: `http://127.0.0.1:${await freePort()}` })
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const nodes = members.map(({ name, port, peer }) => {
    const url = `${scheme}://127.0.0.1:${port}`
    const flags = [
      ...['--name', name, '--data-dir', join(folder, name), '--initial-cluster', cluster],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster-token', folder, '--logger', 'zap', '--log-level', 'error'],
      // Short elections, so that leases of a second are granted as such.
      ...['--heartbeat-interval', '50', '--election-timeout', '500'],
      ...(tls
        ? ['--cert-file', tls.cert, '--key-file', tls.key, '--client-cert-auth', '--trusted-ca-file', tls.ca]
        : []),
      ...args
    ]
    return etcdNode(name, url, port, flags)
  })
  const endpoints = nodes.map(({ url }) => url).join(',')
  const run = promisify(execFile)
  const test: EtcdTest = {
    nodes,
    endpoints,
    async ctl(ctlArgs, at = endpoints) {
      const certs = tls ? ['--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key] : []
      const env = { ...process.env, ETCDCTL_API: '3' }
      const { stdout } = await run(etcdProgram('etcdctl'), ['--endpoints', at, ...certs, ...ctlArgs], { env })
      return stdout
    },
    async restore(file) {
      await Promise.all(nodes.map(node => node.kill9()))
      for (const { name, peer } of members) {
        rmSync(join(folder, name), { recursive: true })
        const place = ['--name', name, '--data-dir', join(folder, name), '--initial-advertise-peer-urls', peer]
        const to = ['--initial-cluster', cluster, '--initial-cluster-token', `${folder}-restored`]
        const env = { ...process.env, ETCDCTL_API: '3' }
        await run(etcdProgram('etcdctl'), ['snapshot', 'restore', file, ...place, ...to], { env })
      }
      await Promise.all(nodes.map(node => node.start()))
    },
    async remove() {
      await Promise.all(nodes.map(node => node.kill9()))
      rmSync(folder, { recursive: true, force: true })
    }
  }
  try {
    await Promise.all(nodes.map(node => node.start()))
  } catch (error) {
    await test.remove()
    throw error
  }
  return test
}

function etcdNode(name: string, url: string, port: number, flags: readonly string[]): EtcdNode {
  let child: ChildProcess | undefined
  let exited: Promise<void> = Promise.resolve()
  const end = async (signal: NodeJS.Signals) => {
    child?.kill(signal)
    if (signal === 'SIGTERM') child?.kill('SIGCONT')
    await exited
  }
  return {
    name,
    url,
    port,
    get pid() {
      return child!.pid!
    },
    pause: () => standStill(child!.pid!),
    resume: () => void child!.kill('SIGCONT'),
    kill9: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async start() {
      const env = { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch === 'x64' ? '' : process.arch }
      const started = spawn(etcdProgram('etcd'), flags, { stdio: ['ignore', 'ignore', 'pipe'], env })
      let output = ''
      started.stderr!.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-8192)
      })
      let ended = false
      child = started
      const killWithUs = () => started.kill('SIGKILL')
      process.once('exit', killWithUs)
      exited = new Promise(resolve =>
        started.once('exit', () => {
          ended = true
          process.off('exit', killWithUs)
          resolve()
        })
      )
      for (const until = Date.now() + startTimeoutMs; !(await accepts(port)); ) {
        if (ended || Date.now() > until) throw new Error(`etcd ${name} did not start:\n${output}`)
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }
}

/** etcd listens for clients once it has joined its cluster. */
function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const say = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => say(true)).once('error', () => say(false))
  })
}

/** Has the leader of an etcd hand over to another node. */
export async function moveEtcdLeader(etcd: EtcdTest): Promise<void> {
  interface Row {
    Status: { leader: number; header: { member_id: number } }
    Endpoint: string
  }
  // Ids have 64 bits: as text they stay whole.
  const text = await etcd.ctl(['endpoint', 'status', '--write-out', 'json'])
  const rows = JSON.parse(text.replaceAll(/"(leader|member_id)":(\d+)/g, '"$1":"$2"')) as Row[]
  const leader = rows.find(({ Status }) => Status.leader === Status.header.member_id)!
  const next = rows.find(row => row !== leader)!
  const id = BigInt(next.Status.header.member_id).toString(16)
  await etcd.ctl(['move-leader', id], leader.Endpoint)
}
