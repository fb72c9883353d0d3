import { type ChildProcess, spawn, spawnSync } from 'node:child_process'

let whyNot: string | undefined | null = null

/** What keeps kcat from running here, for `skip`; undefined when nothing does. */
export function whyNoKcat(): string | undefined {
  if (whyNot === null) whyNot = spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed'
  return whyNot
}

export interface KcatResult {
  code: number | null
  stdout: Buffer
  stderr: string
}

/** Starts kcat; `done` resolves at its end, killed after `timeoutMs`. */
export function startKcat(args: string[], timeoutMs = 120_000): { child: ChildProcess; done: Promise<KcatResult> } {
  const child = spawn('kcat', args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin!.on('error', () => {}) // it may end before it has read all that it is given
  const done = new Promise<KcatResult>((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const chunks: Buffer[] = []
    let stderr = ''
    child.stdout!.on('data', chunk => chunks.push(chunk))
    child.stderr!.setEncoding('utf8').on('data', chunk => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', code => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(chunks), stderr })
    })
  })
  return { child, done }
}

/** Runs kcat to its end with `input` on its standard input. */
export function kcat(args: string[], input?: Buffer | string): Promise<KcatResult> {
  const { child, done } = startKcat(args)
  child.stdin!.end(input)
  return done
}

export interface KcatRecord {
  partition: number
  offset: number
  key: string
  value: Buffer
}

const separator = '\x1f'

/** Everything that a topic holds, in the order in which kcat gives it out. Throws with kcat's own words. */
export async function consumeAll(bootstrap: string, topic: string, extra: string[] = []): Promise<KcatRecord[]> {
  const format = '%p\\x1f%o\\x1f%k\\x1f%S\\x1f%s\\x1e'
  const args = ['-b', bootstrap, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', format, ...extra]
  const { code, stdout, stderr } = await kcat(args)
  if (code !== 0) throw new Error(`kcat ended with ${code}: ${stderr}`)
  const records: KcatRecord[] = []
  for (let at = 0; at < stdout.length; ) {
    const fields: string[] = []
    for (let i = 0; i < 4; i++) {
      const end = stdout.indexOf(separator, at)
      fields.push(stdout.toString('utf8', at, end))
      at = end + 1
    }
    const [partition, offset, key, size] = fields
    const value = stdout.subarray(at, at + Number(size))
    at += Number(size) + 1
    records.push({ partition: Number(partition), offset: Number(offset), key, value })
  }
  return records
}
