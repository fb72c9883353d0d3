import { type ImageChange, leaderOf, type MetadataImage } from '../control/types.ts'
import type { Clock, Timer } from '../std/clock.ts'

/** Who asks for leaders waits no longer than this for the election that is about to come. */
const holdMs = 300

interface Lost {
  /** Of the registration under which it was connected to. */
  readonly epoch: number
  /** Partitions that it leads as far as the image knows, and another broker could. */
  readonly partitions: Set<string>
  readonly settled: Promise<void>
  release(): void
  timer: Timer
}

const keyOf = (topicId: string, index: number): string => `${topicId}:${index}`

/**
 * Leaders whose connection to this broker has ended a moment ago. A client whose connection has ended in the same moment
 * asks who leads now, and would be told what was: then it is refused where it turns to, and many clients ask again only
 * after a long while. It is told a little later, when the election is over.
 */
export class LostLeaders {
  private readonly image: MetadataImage
  private readonly clock: Clock
  private readonly lost = new Map<number, Lost>()
  /** Given up waiting for: not waited for again before there is a connection again. */
  private readonly inVain = new Map<number, number>()

  constructor(image: MetadataImage, clock: Clock) {
    this.image = image
    this.clock = clock
  }

  /** The connection to a broker that leads something here has ended. */
  disconnected(nodeId: number, epoch: number): void {
    if (this.lost.has(nodeId) || this.inVain.get(nodeId) === epoch) return
    const partitions = this.ledBy(nodeId, epoch)
    if (partitions.size === 0) return
    let release = () => {}
    const settled = new Promise<void>(resolve => {
      release = resolve
    })
    const timer = this.clock.after(holdMs, () => {
      this.inVain.set(nodeId, epoch)
      this.forget(nodeId)
    })
    this.lost.set(nodeId, { epoch, partitions, settled, release, timer })
  }

  /** It lives: there is a connection again. */
  connected(nodeId: number): void {
    this.inVain.delete(nodeId)
    this.forget(nodeId)
  }

  imageChanged({ partitions, deleted }: ImageChange): void {
    for (const [nodeId, { partitions: waiting }] of this.lost) {
      for (const { topicId, index } of partitions) {
        const now = this.image.topicById(topicId)?.partitions[index]
        if (now && leaderOf(this.image, now)) waiting.delete(keyOf(topicId, index))
      }
      for (const { topicId, partitions: gone } of deleted)
        for (const index of gone.keys()) waiting.delete(keyOf(topicId, index))
      if (waiting.size === 0) this.forget(nodeId)
    }
  }

  /** Resolves when leaders are known again, or it is no use to wait; undefined when nobody need wait. */
  settled(): Promise<void> | undefined {
    if (this.lost.size === 0) return undefined
    return Promise.all([...this.lost.values()].map(({ settled }) => settled)).then(() => {})
  }

  close(): void {
    for (const nodeId of [...this.lost.keys()]) this.forget(nodeId)
  }

  private forget(nodeId: number): void {
    const lost = this.lost.get(nodeId)
    this.lost.delete(nodeId)
    lost?.timer.cancel()
    lost?.release()
  }

  private ledBy(nodeId: number, epoch: number): Set<string> {
    const led = new Set<string>()
    for (const { topicId, partitions } of this.image.topics())
      for (const [index, { leader, leaderBrokerEpoch, isr }] of partitions.entries()) {
        if (leader !== nodeId || leaderBrokerEpoch !== epoch) continue
        if (isr.some(member => member !== nodeId && this.image.broker(member))) led.add(keyOf(topicId, index))
      }
    return led
  }
}
