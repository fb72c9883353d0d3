import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const skippedFolders = new Set(['node_modules', 'dist', '.git', '.cache', 'results'])

/** Paths, relative to the root, of all files that belong to the repository: what git has or would add. */
export function repositoryFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 26
    })
    return listed.split('\n').filter(path => path !== '' && existsSync(join(root, path)))
  } catch {
    return walk('') // a copy without .git
  }
}

/** The TypeScript files of src/, relative to the root. */
export function sourceFiles(): string[] {
  return walk('src').filter(path => path.endsWith('.ts'))
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = folder ? `${folder}/${entry.name}` : entry.name
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : walk(path)
    return [path]
  })
}

/** 1-based line of a position. */
export function lineAt(text: string, position: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < position; i = text.indexOf('\n', i + 1)) line++
  return line
}

/**
 * TypeScript with comments blanked out, and with `strings: false` the contents of strings and patterns too. Positions and
 * lines stay. Good enough for our own formatted code: code inside `${}` is kept.
 */
export function blank(text: string, keep: { strings: boolean }): string {
  const out = text.split('')
  const erase = (from: number, to: number) => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== '\n') out[i] = ' '
  }
  /** For each open `${`, the depth of braces inside it. */
  const templates: number[] = []
  let last = ''
  let i = 0
  const template = () => {
    const start = i
    while (i < text.length && text[i] !== '`' && !(text[i] === '$' && text[i + 1] === '{'))
      i += text[i] === '\\' ? 2 : 1
    if (!keep.strings) erase(start, i)
    if (text[i] === '`') i++
    else {
      templates.push(0)
      i += 2
    }
    last = '`'
  }
  while (i < text.length) {
    const char = text[i]
    if (char === '/' && text[i + 1] === '/') {
      const end = text.indexOf('\n', i)
      erase(i, end < 0 ? text.length : end)
      i = end < 0 ? text.length : end
    } else if (char === '/' && text[i + 1] === '*') {
      const end = text.indexOf('*/', i + 2)
      erase(i, end < 0 ? text.length : end + 2)
      i = end < 0 ? text.length : end + 2
    } else if (char === "'" || char === '"') {
      const start = ++i
      while (i < text.length && text[i] !== char) i += text[i] === '\\' ? 2 : 1
      if (!keep.strings) erase(start, i)
      i++
      last = char
    } else if (char === '`') {
      i++
      template()
    } else if (char === '/' && (last === '' || '(,=:[!&|?{};+>'.includes(last) || endsInKeyword(text, i))) {
      const start = ++i
      let inClass = false
      while (i < text.length && text[i] !== '\n' && (inClass || text[i] !== '/')) {
        if (text[i] === '[') inClass = true
        else if (text[i] === ']') inClass = false
        i += text[i] === '\\' ? 2 : 1
      }
      if (!keep.strings) erase(start, i)
      i++
      last = '/'
    } else if (char === '}' && templates.at(-1) === 0) {
      templates.pop()
      i++
      template()
    } else {
      if (templates.length > 0 && char === '{') templates[templates.length - 1]++
      if (templates.length > 0 && char === '}') templates[templates.length - 1]--
      if (!/\s/.test(char)) last = char
      i++
    }
  }
  return out.join('')
}

function endsInKeyword(text: string, position: number): boolean {
  return /\b(return|typeof|case|in|of)\s*$/.test(text.slice(Math.max(0, position - 12), position))
}
