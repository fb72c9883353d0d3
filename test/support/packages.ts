import { spawnSync } from 'node:child_process'

/** One stanza of a Debian Packages file: real records with keys that repeat, of very different sizes. */
export interface Stanza {
  /** The package's name. */
  key: string
  /** The whole stanza, without its last line feed. */
  value: Buffer
}

/** All stanzas of this machine's package lists, or generated ones of the same shape where there are none. */
export function packageStanzas(): { stanzas: Stanza[]; source: string } {
  const dump = spawnSync('apt-cache', ['dumpavail'], { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] })
  const stanzas = dump.status === 0 ? split(dump.stdout) : []
  return stanzas.length >= 10_000
    ? { stanzas, source: 'the package lists' }
    : { stanzas: generate(30_000), source: 'generated stanzas' }
}

function split(text: Buffer): Stanza[] {
  const stanzas: Stanza[] = []
  for (let start = 0; start < text.length; ) {
    const blank = text.indexOf('\n\n', start)
    const end = blank < 0 ? text.length : blank
    const value = text.subarray(start, end)
    const name = /^Package: (\S+)/m.exec(value.toString('latin1'))
    if (name) stanzas.push({ key: name[1], value })
    start = end + 2
  }
  return stanzas
}

function generate(count: number): Stanza[] {
  return Array.from({ length: count }, (_, i) => {
    const key = `lib${((i * 7919) % (count / 2)).toString(36)}`
    const text = 'Ein Paket für jede Fähre, 나루 '.repeat((i * 31) % 40)
    const lines = [`Package: ${key}`, `Version: ${i}`, 'Architecture: amd64', `Description: ${text}`, ` ${i}`]
    return { key, value: Buffer.from(lines.join('\n')) }
  })
}
