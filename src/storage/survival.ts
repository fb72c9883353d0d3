import type { Disk } from '../disk/disk.ts'
import type { FolderSync } from './folder-sync.ts'
import { readWhole, replaceFile } from './recovery/checkpoint.ts'
import { cleanMarkerName } from './recovery/recovery.ts'

/**
 * What of a data folder outlived the end of the process that had it last: all that was written; what was synced; or
 * nothing for sure, as it is a new folder, or one of which something is lost and no log can say what. A process that is
 * killed loses nothing of the page cache, a machine that stops does.
 */
export type Survived = 'all' | 'synced' | 'nothing'

const fileName = 'boot-id'
/** In place of a boot id: not all survived, and nobody has drawn the conclusions yet. */
const lost = 'lost'
/** The same, of anything. */
const nothingSure = 'nothing sure'

/**
 * Tells a machine's crash from a process's by the boot id that was current when the folder was last vouched for. What
 * was found is found again at the next start, however this one ends, until `vouch` says that it has been dealt with.
 */
export class Survival {
  survived: Survived
  private readonly disk: Disk
  private readonly folders: FolderSync
  private readonly folder: string
  private written: string | undefined

  private constructor(
    disk: Disk,
    folders: FolderSync,
    folder: string,
    survived: Survived,
    written: string | undefined
  ) {
    this.disk = disk
    this.folders = folders
    this.folder = folder
    this.survived = survived
    this.written = written
  }

  /** To be called before recovery, which takes the marker of a clean shutdown away. */
  static async open(disk: Disk, folders: FolderSync, folder: string): Promise<Survival> {
    const written = (await readWhole(disk, `${folder}/${fileName}`))?.toString()
    const isClean = await disk.exists(`${folder}/${cleanMarkerName}`)
    const survived =
      written === undefined || written === nothingSure
        ? 'nothing'
        : written !== lost && (isClean || written === (await disk.bootId()))
          ? 'all'
          : 'synced'
    const survival = new Survival(disk, folders, folder, survived, written)
    if (survived === 'synced') await survival.write(lost)
    return survival
  }

  /** What was acknowledged may be lost in any log: to be called before anything is written by which that can't be seen again. */
  async doubt(): Promise<void> {
    this.survived = 'nothing'
    await this.write(nothingSure)
  }

  /** Nobody relies on more than there is: from here on all survives but a crash of the machine. */
  async vouch(): Promise<void> {
    // Where the machine doesn't tell its boots apart each may be another.
    await this.write((await this.disk.bootId()) ?? 'unknown boot')
  }

  private async write(text: string): Promise<void> {
    if (text === this.written) return
    await replaceFile(this.disk, this.folders, this.folder, fileName, Buffer.from(text))
    this.written = text
  }
}
