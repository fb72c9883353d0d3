import { UsageError } from './failure.ts'

/** A longer record has surely lost its delimiter. */
const recordBytesMax = 128 * 1024 * 1024

/**
 * Cuts a stream of bytes at a delimiter; what follows the last one is a piece too, unless it is empty. Rejects with
 * UsageError for a piece that grows beyond reason.
 */
export async function* split(source: AsyncIterable<Buffer>, delimiter: Buffer): AsyncGenerator<Buffer[], void> {
  let rest: Buffer = Buffer.alloc(0)
  /** Up to here `rest` holds no delimiter. */
  let searched = 0
  for await (const chunk of source) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const pieces: Buffer[] = []
    let start = 0
    for (let at = bytes.indexOf(delimiter, searched); at >= 0; at = bytes.indexOf(delimiter, start)) {
      pieces.push(bytes.subarray(start, at))
      start = at + delimiter.length
    }
    rest = bytes.subarray(start)
    searched = Math.max(0, rest.length - delimiter.length + 1)
    if (rest.length > recordBytesMax)
      throw new UsageError(`No delimiter within ${recordBytesMax} bytes: is --delimiter right?`)
    if (pieces.length > 0) yield pieces
  }
  if (rest.length > 0) yield [rest]
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }

/** The bytes that the text of a flag means, in which \n, \t, \r, \0, \\ and \xHH may stand. Throws UsageError. */
export function flagBytes(text: string): Buffer {
  const parts = text.split(/\\(x[0-9a-fA-F]{2}|.)/)
  return Buffer.concat(
    parts.map((part, i) => {
      if (i % 2 === 0) return Buffer.from(part)
      if (part.length === 3) return Buffer.from(part.slice(1), 'hex')
      if (!(part in escapes)) throw new UsageError(`\\${part} is no escape; \\n \\t \\r \\0 \\\\ and \\xHH are.`)
      return Buffer.from(escapes[part])
    })
  )
}
