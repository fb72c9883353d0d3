import { type Compare, type Operation, transactionOperationsMax } from '../metastore/metastore.ts'
import type { Metadata } from './metadata.ts'

/** So that one answer that is lost doesn't hold up all others until it is given up. */
const inFlightMax = 4

/** A change of one partition's key, with what must hold beside that the key is as it was. */
export interface PartitionChange {
  readonly key: string
  readonly value: string
  readonly compares: readonly Compare[]
}

interface Waiting extends PartitionChange {
  /** The revision of the key that the change goes by. */
  readonly revision: number
  resolve(changed: boolean): void
  reject(error: unknown): void
}

/**
 * Changes of single partitions by compare-and-set, together in few transactions where many come at once: a broker that dies is taken out of thousands of
 * in-sync sets. One that comes alone goes at once; while some are under way the next gather.
 */
export class PartitionChanges {
  private readonly metadata: Metadata
  private waiting: Waiting[] = []
  private inFlight = 0

  constructor(metadata: Metadata) {
    this.metadata = metadata
  }

  /** Resolves when the image has the change, and leaders and followers know their roles; false when the key, or something else that was compared, is no longer so. */
  put(change: PartitionChange): Promise<boolean> {
    const revision = this.metadata.image.modRevision(change.key)
    return new Promise((resolve, reject) => {
      this.waiting.push({ ...change, revision, resolve, reject })
      if (this.inFlight < inFlightMax) void this.run()
    })
  }

  private async run(): Promise<void> {
    this.inFlight++
    // After the turn: what comes together goes together.
    await Promise.resolve()
    while (this.waiting.length > 0) await this.send(this.take())
    this.inFlight--
  }

  /** As many as fit into a transaction. */
  private take(): Waiting[] {
    let compares = 0
    let count = 0
    const seen = new Set<string>()
    const keys = new Set<string>()
    for (const change of this.waiting) {
      // A transaction writes a key once: whoever comes second finds that it is no longer as it was.
      if (keys.has(change.key)) break
      const more = 1 + change.compares.filter(compare => !seen.has(nameOf(compare))).length
      if (count > 0 && compares + more > transactionOperationsMax) break
      for (const compare of change.compares) seen.add(nameOf(compare))
      keys.add(change.key)
      compares += more
      count++
    }
    return this.waiting.splice(0, count)
  }

  /** Sends changes together; where that does not hold, those that are not to blame again. */
  private async send(changes: readonly Waiting[]): Promise<void> {
    try {
      if (await this.txn(changes)) {
        for (const { resolve } of changes) resolve(true)
        return
      }
      const { image } = this.metadata
      const unchanged = changes.filter(({ key, revision }) => image.modRevision(key) === revision)
      for (const change of changes) if (!unchanged.includes(change)) change.resolve(false)
      if (changes.length === 1) changes[0].resolve(false)
      else if (unchanged.length < changes.length && unchanged.length > 0) await this.send(unchanged)
      else await Promise.all(unchanged.map(change => this.send([change])))
    } catch (error) {
      for (const { reject } of changes) reject(error)
    }
  }

  private txn(changes: readonly Waiting[]): Promise<boolean> {
    const compares = new Map<string, Compare>()
    for (const { key, revision, compares: more } of changes) {
      compares.set(key, { key, target: 'modRevision', is: '=', to: revision })
      for (const compare of more) compares.set(nameOf(compare), compare)
    }
    const puts = changes.map(({ key, value }): Operation => ({ type: 'put', key, value }))
    return this.metadata.txn([...compares.values()], puts)
  }
}

const nameOf = (compare: Compare): string => JSON.stringify(compare)
