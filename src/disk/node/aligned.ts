import fs from 'node:fs'
import { blockBytes } from '../disk.ts'

const arenaBytes = 1024 * 1024
/** Addresses that malloc gives out are multiples of this. */
const addressStep = 16

/**
 * Gives out buffers whose memory a direct file accepts. JavaScript can't see an address, so a block's usable start is
 * found by asking the kernel: direct reads of this program's own executable, at 16-byte steps, until one isn't
 * refused. What a probe costs is paid once per arena; small buffers are cut out of a shared one.
 */
export class AlignedAllocator {
  private probe: number | undefined
  private hint = 0
  private arena: Buffer = Buffer.alloc(0)
  private used = 0

  allocate(bytes: number): Buffer {
    const whole = Math.max(blockBytes, Math.ceil(bytes / blockBytes) * blockBytes)
    if (whole > arenaBytes / 4) return this.aligned(whole).subarray(0, bytes)
    if (this.used + whole > this.arena.length) {
      this.arena = this.aligned(arenaBytes)
      this.used = 0
    }
    const piece = this.arena.subarray(this.used, this.used + bytes)
    this.used += whole
    return piece
  }

  private aligned(bytes: number): Buffer {
    const memory = Buffer.allocUnsafeSlow(bytes + blockBytes)
    const start = this.startOf(memory)
    return memory.subarray(start, start + bytes)
  }

  private startOf(memory: Buffer): number {
    this.probe ??= openProbe()
    if (this.probe < 0) return 0
    if (accepts(this.probe, memory, this.hint)) return this.hint
    for (let start = 0; start < blockBytes; start += addressStep)
      if (accepts(this.probe, memory, start)) {
        this.hint = start
        return start
      }
    return 0
  }
}

/** A direct descriptor to read from; -1 where there is no such thing, and then alignment doesn't matter either. */
function openProbe(): number {
  const direct = fs.constants.O_DIRECT
  if (direct === undefined) return -1
  try {
    return fs.openSync(process.execPath, fs.constants.O_RDONLY | direct)
  } catch {
    return -1
  }
}

function accepts(probe: number, memory: Buffer, start: number): boolean {
  try {
    return fs.readSync(probe, memory, start, blockBytes, 0) > 0
  } catch {
    return false
  }
}
