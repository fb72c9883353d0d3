import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { blank, lineAt, readText, sourceFiles } from './source.ts'

/** The folders of src/ (DESIGN section 3), lowest first: a file imports from its own folder or from a lower one. */
const layers = [
  'std',
  'schema',
  'record',
  'wire',
  'disk',
  'storage',
  'metastore',
  'client',
  'partition',
  'replication',
  'control',
  'statelog',
  'groups',
  'broker',
  'doors',
  'config',
  'run',
  'cli',
  'index.ts'
]

/** The only files that may touch Node's files, sockets, clocks, randomness and process (DESIGN rule 1). */
const adapters = [
  'src/disk/node/',
  'src/doors/listener',
  'src/run/',
  'src/cli/',
  'src/metastore/etcd/',
  'src/record/libraries.ts' // loads code, not data
]

/** Modules of Node with no outside world in them: everything else is for adapters. */
const pureModules = new Set([
  'assert',
  'assert/strict',
  'buffer',
  'crypto',
  'events',
  'stream',
  'stream/promises',
  'string_decoder',
  'util',
  'zlib'
])

const outsideWorld: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])Date\.now\b|(?<![.\w$])new Date\(\s*\)|(?<![.\w$])Date\(\s*\)/g, 'the clock'],
  [/(?<![.\w$])performance\./g, 'the clock'],
  [/(?<![.\w$])set(?:Timeout|Interval)\b/g, 'timers'],
  [/(?<![.\w$])Math\.random\b/g, 'randomness'],
  [
    /(?<![.\w$])crypto\.(?:random\w*|getRandomValues)\b|(?<![.\w$])(?:randomBytes|randomFill(?:Sync)?|randomUUID|randomInt)\(/g,
    'randomness'
  ],
  [/(?<![.\w$])process\.\w+/g, 'the process'],
  [/(?<![.\w$])(?:globalThis|global)\.\w+/g, 'globals'],
  [/(?<![.\w$])console\.\w+/g, 'the terminal']
]

export interface Import {
  specifier: string
  position: number
}

/** Every static, dynamic and type import of a file's text. */
export function importsOf(text: string): Import[] {
  const code = blank(text, { strings: true })
  const bare = blank(text, { strings: false })
  const found: Import[] = []
  const patterns = [
    /(?<![.\w$])(?:import|export)\s(?:[^'"`;=]*?\sfrom\s*)(['"])([^'"]+)\1/g,
    /(?<![.\w$])import\s*(['"])([^'"]+)\1/g,
    /(?<![.\w$])(?:import|require)\s*\(\s*(['"])([^'"]+)\1/g
  ]
  for (const pattern of patterns)
    for (const match of code.matchAll(pattern)) {
      const isCode = bare.startsWith(match[0].slice(0, 6), match.index)
      if (isCode) found.push({ specifier: match[2], position: match.index })
    }
  return found
}

/** What is wrong with one file of src/, as `file:line message`. */
export function layerFaults(path: string, text: string): string[] {
  const faults: string[] = []
  const fault = (position: number, message: string) => faults.push(`${path}:${lineAt(text, position)} ${message}`)
  const isAdapter = adapters.some(prefix => path.startsWith(prefix))
  const own = path.split('/')[1]
  const ownLayer = layers.indexOf(own)
  if (ownLayer < 0) fault(0, `src/${own} is not a layer: name it in test/tidy/layers.test.ts and in ARCHITECTURE.md`)
  for (const { specifier, position } of importsOf(text)) {
    if (specifier.startsWith('.')) {
      if (!specifier.endsWith('.ts') && !specifier.endsWith('.json')) fault(position, `${specifier} must end in .ts`)
      const target = join(dirname(path), specifier)
      const [top, folder] = target.split('/')
      if (top !== 'src') {
        if (target !== 'package.json') fault(position, `imports ${specifier}, which is outside src/`)
        continue
      }
      const layer = layers.indexOf(folder)
      if (layer < 0) fault(position, `imports from ${folder}, which is not a layer`)
      else if (layer > ownLayer) fault(position, `${own} imports from ${folder}, a higher layer`)
    } else if (specifier.startsWith('node:')) {
      const module = specifier.slice(5)
      if (!isAdapter && !pureModules.has(module)) fault(position, `imports ${specifier} outside an adapter file`)
    }
  }
  if (!isAdapter) {
    const code = blank(text, { strings: false })
    for (const [pattern, what] of outsideWorld)
      for (const match of code.matchAll(pattern))
        fault(match.index, `${match[0]} reaches for ${what}: take it as an argument`)
  }
  return faults
}

test('every file imports from its own folder or a lower layer, and only adapters touch the outside world', () => {
  const faults = sourceFiles().flatMap(path => layerFaults(path, readText(path)))
  assert.equal(faults.join('\n'), '')
})

test('the check sees what it must see', () => {
  const path = 'src/storage/x.ts'
  const faults = (text: string) => layerFaults(path, text).map(fault => fault.replace(/^\S+:/, ''))
  assert.deepEqual(faults("import { a } from '../disk/disk.ts'\nimport type { b } from './b.ts'"), [])
  assert.match(faults("// x\nimport {\n  a\n} from '../partition/a.ts'")[0], /^2 storage imports from partition/)
  assert.match(faults("const a = await import('../broker/a.ts')")[0], /^1 storage imports from broker/)
  assert.match(faults("export * from '../nowhere/a.ts'")[0], /not a layer/)
  assert.match(faults("import fs from 'node:fs'")[0], /outside an adapter/)
  assert.match(faults('\n\nconst t = Date.now()')[0], /^3 Date\.now reaches/)
  assert.match(faults(`const t = \`a $\{setTimeout(f, 1)}\``)[0], /timers/)
  assert.deepEqual(faults("// Date.now()\nconst a = 'Date.now()' + x.setTimeout() + /Math.random/.source"), [])
  assert.match(faults("const it = { a: '//' , b: process.env }")[0], /the process/)
  assert.deepEqual(layerFaults('src/run/system.ts', "import fs from 'node:fs'\nDate.now()"), [])
  assert.match(layerFaults('src/unknown/a.ts', '')[0], /not a layer/)
})
