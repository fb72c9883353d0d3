import { readFileSync } from 'node:fs'

/** Descriptors for everything else: the journal, the metastore, the listener, the runtime. */
const reserved = 100

/** How many files and sockets the system lets this process have open; undefined where it doesn't say. */
function openFilesLimit(): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return limit ? Number(limit[1]) : undefined
  } catch {
    return undefined
  }
}

/**
 * What partitions (`naru.open.files.max`, a quarter of the system's limit at most) and connections may have open: a flood
 * of connections must not take the descriptors that storage needs.
 */
export function shareOpenFiles(
  filesMax: number,
  limit = openFilesLimit()
): { readonly files: number; readonly connections: number } {
  if (limit === undefined) return { files: filesMax, connections: Number.POSITIVE_INFINITY }
  const files = Math.min(filesMax, Math.floor(limit / 4))
  return { files, connections: Math.max(1, limit - files - reserved) }
}
