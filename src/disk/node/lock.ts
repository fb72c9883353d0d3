import fs from 'node:fs'
import { resolve } from 'node:path'
import { DiskError, type DiskLock } from '../disk.ts'

const held = new Set<string>()
const attempts = 10

/**
 * Takes the lock file at `path` (or the file `lock` in it, when `path` is a folder). It names its holder by process id
 * and start time, so that what a killed process leaves behind blocks nobody, even after its id was given to another.
 * Throws a DiskError `locked`; other failures come as they are.
 */
export function takeLock(path: string): DiskLock {
  const file = lockFile(path)
  if (held.has(file)) throw new DiskError('locked', `${path} is in use by another broker of this process`)
  const mine = identity(process.pid)
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (create(file, mine)) {
      held.add(file)
      return lockOf(file, mine)
    }
    const holder = contentOf(file)
    if (holder === undefined) continue
    if (isAlive(holder))
      throw new DiskError('locked', `${path} is in use by another broker (process ${holder.split(' ')[0]})`)
    setAside(file, holder)
  }
  throw new DiskError('locked', `${path} is being taken by another broker`)
}

/** The process that holds the lock which `takeLock` would take; undefined when it is free. Changes nothing. */
export function lockHolder(path: string): number | undefined {
  const holder = contentOf(lockFile(path))
  return holder !== undefined && isAlive(holder) ? Number(holder.split(' ')[0]) : undefined
}

function lockOf(file: string, mine: string): DiskLock {
  return {
    async release() {
      if (!held.delete(file)) return
      if (contentOf(file) === mine) fs.rmSync(file, { force: true })
    }
  }
}

function lockFile(path: string): string {
  const stats = fs.statSync(path, { throwIfNoEntry: false })
  return stats?.isDirectory() ? resolve(path, 'lock') : resolve(path)
}

/** The content comes with the name, in one step: nobody ever reads a lock that doesn't say whose it is. */
function create(file: string, mine: string): boolean {
  const draft = `${file}.${process.pid}`
  try {
    fs.writeFileSync(draft, mine)
  } catch (error) {
    fs.rmSync(draft, { force: true })
    throw error
  }
  try {
    fs.linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    return createWithoutLinks(file, mine)
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

function createWithoutLinks(file: string, mine: string): boolean {
  try {
    fs.writeFileSync(file, mine, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    // What a full disk left of it says nothing.
    fs.rmSync(file, { force: true })
    throw error
  }
}

/** Moves a dead holder's lock out of the way; puts it back when another broker has just replaced it with its own. */
function setAside(file: string, dead: string): void {
  const aside = `${file}.${process.pid}.dead`
  try {
    fs.renameSync(file, aside)
    if (contentOf(aside) !== dead) fs.linkSync(aside, file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    fs.rmSync(aside, { force: true })
  }
}

function contentOf(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function identity(pid: number): string {
  return `${pid} ${startOf(pid) ?? '-'}`
}

function isAlive(holder: string): boolean {
  const [pidText, start] = holder.split(' ')
  const pid = Number(pidText)
  if (!Number.isInteger(pid) || pid <= 0) return false
  const startNow = startOf(pid)
  if (startNow === ended) return false
  if (startNow !== undefined && start !== '-') return startNow === start
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Said of a process that is over but was not waited for by its parent; in a container that may stay so for ever. */
const ended = 'ended'

/** When a process started, in ticks since boot, or `ended`; undefined where /proc doesn't say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold anything: count the fields behind it. Start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? ended : fields[19]
  } catch {
    return undefined
  }
}
