import { spawnSync } from 'node:child_process'
import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackedFolder, whyNotUnpacked } from './debian-packages.ts'

/** The wall clock of processes, which is set while they run; how they measure time that passes stays right, as it does in a machine. */
export interface SteppedClock {
  /** The environment of the processes that go by it. */
  readonly env: Readonly<Record<string, string>>
  /** Sets it to so many milliseconds ahead of the machine's; behind it when negative. */
  set(offsetMs: number): void
}

let whyNot: string | undefined | null = null

/** What keeps clocks from being set here, for `skip`; undefined when nothing does. Brings libfaketime where it may. */
export function whyNoSteppedClock(): string | undefined {
  if (whyNot === null) whyNot = whyNotUnpacked('libfaketime', ['libfaketime']) ?? whyNotObeyed()
  return whyNot
}

/**
 * A clock that is right at first, kept in a file of this folder. Only programs that ask the C library for the time go by it:
 * Node does, Go (etcd) asks the kernel. Throws with the reason where there is none.
 */
export function steppedClock(folder: string, name: string): SteppedClock {
  const missing = whyNoSteppedClock()
  if (missing) throw new Error(missing)
  const clock = clockIn(folder, name)
  clock.set(0)
  return clock
}

function clockIn(folder: string, name: string): SteppedClock {
  const file = join(folder, `${name}.clock`)
  return {
    env: {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1'
    },
    set(offsetMs) {
      // It is read with every question for the time: never half.
      writeFileSync(`${file}.new`, `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1000}\n`)
      renameSync(`${file}.new`, file)
    }
  }
}

function library(): string {
  const folder = join(unpackedFolder('libfaketime'), 'usr/lib')
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find(path =>
    path.endsWith('libfaketimeMT.so.1')
  )
  if (found === undefined) throw new Error(`no libfaketime in ${folder}`)
  return join(folder, found)
}

/** This machine's Node may be linked with another C library. */
function whyNotObeyed(): string | undefined {
  const clock = clockIn(unpackedFolder('libfaketime'), 'tried')
  clock.set(-3_600_000)
  const env = { ...process.env, ...clock.env }
  const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' })
  const isObeyed = Math.abs(Date.now() - 3_600_000 - Number(stdout)) < 600_000
  return isObeyed ? undefined : `Node does not go by libfaketime here: ${JSON.stringify(stdout)}`
}
