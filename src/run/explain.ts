import { messageOf, NaruError } from '../std/errors.ts'

/** What the system's words mean for someone who starts a broker. */
const meanings: Record<string, (folder: string) => string> = {
  ENOSPC: folder =>
    `The disk of the data folder ${folder} is full. Nothing that was acknowledged is lost: make room on it, and start again.`,
  EDQUOT: folder => `The quota for the data folder ${folder} is used up: raise it or make room, and start again.`,
  EROFS: folder => `The data folder ${folder} is on a read-only filesystem: mount it writable, and start again.`,
  EACCES: folder => `This user may not write to the data folder ${folder}: give it the rights, or name another folder.`,
  EPERM: folder => `This user may not write to the data folder ${folder}: give it the rights, or name another folder.`,
  EIO: folder => `The disk of the data folder ${folder} fails: see the system's log for what is wrong with it.`
}

/** An error that kept a broker from starting, in words that say what to do where the disk is the cause. */
export function explainDiskError(error: unknown, folder: string): unknown {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 10; cause = cause.cause, depth++) {
    const meaning = meanings[(cause as NodeJS.ErrnoException).code ?? '']
    if (meaning)
      return new NaruError('KAFKA_STORAGE_ERROR', `${meaning(folder)} (${messageOf(error)})`, { cause: error })
  }
  return error
}
