import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { test } from 'node:test'
import { blank, lineAt, readText, repositoryFiles, root } from './source.ts'

const lineCountMax = 400

/** Files that were allowed to grow past the limit, with their length: it may only fall. */
const longFiles: Record<string, number> = {}

const codeExtensions = new Set(['.ts', '.mjs'])
const textExtensions = new Set([...codeExtensions, '.md', '.json', '.sh', '.yaml', '.yml', '.xml', ''])

// Written in pieces, or this file would find itself.
const unfinished = new RegExp(
  `\\b(?:${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')})\\b`,
  'g'
)

const files = repositoryFiles()
const code = files.filter(path => codeExtensions.has(extname(path)))
const texts = files.filter(path => textExtensions.has(extname(path)) && path !== 'package-lock.json')

function faultsOf(paths: readonly string[], pattern: RegExp, message: string, view = (text: string) => text): string[] {
  return paths.flatMap(path => {
    const text = readText(path)
    return [...view(text).matchAll(pattern)].map(
      match => `${path}:${lineAt(text, match.index)} ${message}: ${match[0]}`
    )
  })
}

function assertNone(faults: readonly string[]): void {
  assert.equal(faults.join('\n'), '')
}

test(`no file is longer than ${lineCountMax} lines, and the older long ones only shrink`, () => {
  const faults: string[] = []
  for (const path of code) {
    const lines = readText(path).trimEnd().split('\n').length
    const allowed = longFiles[path]
    if (allowed === undefined && lines > lineCountMax)
      faults.push(`${path}:${lines} is longer than ${lineCountMax} lines`)
    if (allowed !== undefined && lines > allowed) faults.push(`${path}:${lines} grew past its ${allowed} lines`)
    if (allowed !== undefined && lines < allowed)
      faults.push(`${path}: ${lines} lines now; lower its entry (${allowed})`)
  }
  for (const path of Object.keys(longFiles)) if (!code.includes(path)) faults.push(`${path} is gone; remove its entry`)
  assertNone(faults)
})

test('nothing is left for later in a comment', () => {
  assertNone(faultsOf(texts, unfinished, 'left for later'))
})

test('no test is run alone, and a skip says why', () => {
  const tests = code.filter(path => path.endsWith('.test.ts') && !path.startsWith('test/tidy/'))
  const view = (text: string) => blank(text, { strings: false })
  assertNone(faultsOf(tests, /\b(?:test|it|describe|suite)\.only\b|\bonly:\s*true/g, 'runs alone', view))
  assertNone(
    faultsOf(
      tests,
      /\b(?:test|it|describe|suite)\.(?:skip|todo)\b|\bskip:\s*true|\.skip\(\s*\)/g,
      'has no reason',
      view
    )
  )
})

test('no text names a path or a host of one machine', () => {
  const folders = ['work', 'tmp', 'root', 'home', 'Users'].join('|')
  const hosts = [
    'registry\\.npmjs',
    'registry\\.yarnpkg',
    'deb\\.debian',
    'repo1?\\.maven',
    'nexus\\.',
    'artifactory'
  ].join('|')
  const own = texts.filter(path => path !== 'test/tidy/files.test.ts')
  assertNone(faultsOf(own, new RegExp(`(?<![\\w.$}*-])/(?:${folders})/[\\w.-]*`, 'g'), 'machine path'))
  assertNone(faultsOf([...own, 'package-lock.json'], new RegExp(hosts, 'g'), 'registry host'))
})

test('links in the documents lead somewhere', () => {
  const faults: string[] = []
  for (const path of files.filter(name => name.endsWith('.md'))) {
    const text = readText(path)
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const [target, anchor] = match[1].split('#')
      if (/^[a-z]+:/.test(match[1])) continue
      const resolved = target ? join(dirname(path), target) : path
      const at = `${path}:${lineAt(text, match.index)}`
      if (!existsSync(join(root, resolved))) faults.push(`${at} leads to ${match[1]}, which does not exist`)
      else if (anchor && !anchorsOf(readText(resolved)).has(anchor))
        faults.push(`${at}: ${match[1]} has no such heading`)
    }
  }
  assertNone(faults)
})

/** Heading anchors as the usual renderers make them. */
function anchorsOf(markdown: string): Set<string> {
  return new Set(
    [...markdown.matchAll(/^#+ (.+)$/gm)].map(match =>
      match[1]
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-')
    )
  )
}

test('every folder of src/ is on the map in ARCHITECTURE.md', () => {
  const map = readText('ARCHITECTURE.md')
  const folders = new Set(files.filter(path => /^src\/.+\//.test(path)).map(path => path.split('/')[1]))
  const missing = [...folders].filter(folder => !new RegExp(`(?:^|[\\s\`/|(])(?:src/)?${folder}/`, 'm').test(map))
  assert.deepEqual(missing, [])
})
