import type { Disk } from '../../disk/disk.ts'
import { OverlayDisk } from '../../disk/overlay.ts'
import { decodeFrame, EffectLog } from './log.ts'
import { State } from './state.ts'

/** A frame of a log or a snapshot of the metastore. */
export interface Frame {
  readonly position: number
  readonly bytes: number
  readonly sequence: number
  /** What its JSON says. */
  readonly content: unknown
}

/** The frames of a file's bytes, and how many bytes they take together: what follows is torn or damaged. */
export function metastoreFrames(bytes: Buffer): { frames: Frame[]; endBytes: number } {
  const frames: Frame[] = []
  let at = 0
  for (let frame = decodeFrame(bytes, at); frame; frame = decodeFrame(bytes, at)) {
    const content: unknown = JSON.parse(frame.payload.toString())
    frames.push({ position: at, bytes: frame.end - at, sequence: frame.sequence, content })
    at = frame.end
  }
  return { frames, endBytes: at }
}

export const isMetastoreFile = (name: string): boolean => /^(log|snapshot)-\d{16}$/.test(name)

/**
 * What a start would find in a metastore's folder, without changing it. Rejects as `corrupt`, with file and byte, when a
 * start would refuse it.
 */
export async function readMetastore(disk: Disk, folder: string): Promise<Pick<State, 'get' | 'range'>> {
  const state = new State()
  await EffectLog.open(new OverlayDisk(disk), folder, { compactBytes: Number.POSITIVE_INFINITY }, state, effect => {
    state.apply(effect)
  })
  return state
}
