import type { Pressure } from '../types.ts'

/** Bytes that wait to be written, against their bound. */
export class UnwrittenBytes implements Pressure {
  bytes = 0
  private readonly bound: number
  private waiting: (() => void)[] = []

  constructor(bound: number) {
    this.bound = bound
  }

  get over(): boolean {
    return this.bytes > this.bound
  }

  relieved(): Promise<void> {
    return this.over ? new Promise(resolve => this.waiting.push(resolve)) : Promise.resolve()
  }

  add(bytes: number): void {
    this.bytes += bytes
    if (this.over || this.waiting.length === 0) return
    const waiting = this.waiting
    this.waiting = []
    for (const resolve of waiting) resolve()
  }
}
