import type { Clock, Timer } from './clock.ts'

/** Slots of one level; a slot of level n spans `slots ** n` ticks. */
const slots = 64
/** Five levels of 64 slots at 8 ms reach 99 days; what lies further away is cascaded more than once. */
const levels = 5

const spans = Array.from({ length: levels }, (_, level) => slots ** level)

/** A timer of a wheel. It may be armed again at any time, also while it fires; both calls cost O(1). */
export interface WheelTimer extends Timer {
  /** True while it waits to fire. */
  readonly armed: boolean
  /** Fires once after at least `delayMs`, in place of what was armed before. */
  arm(delayMs: number): void
}

/**
 * Tens of thousands of timers on one clock timer: a hierarchical timing wheel (Varghese and Lauck). Arming and
 * cancelling cost O(1), a tick costs the timers that come due, and an idle wheel sleeps until its next occupied slot.
 *
 * A timer never fires early, and up to one tick late. `fire` must not throw.
 */
export class TimerWheel {
  private readonly clock: Clock
  private readonly tickMs: number
  private readonly originMs: number
  /** Ring heads by level and slot; made when a slot is first used. */
  private readonly rings: (Node | undefined)[] = new Array(levels * slots)
  /** Everything due at or before this tick has fired. */
  private tick = 0
  private size = 0
  private wake: { tick: number; timer: Timer } | undefined
  private closed = false

  constructor(clock: Clock, tickMs = 8) {
    this.clock = clock
    this.tickMs = tickMs
    this.originMs = clock.monotonic()
  }

  /** How many timers wait. */
  get armedCount(): number {
    return this.size
  }

  /** A timer that is not armed yet: keep it and arm it again and again, as for a session time-out. */
  timer(fire: () => void): WheelTimer {
    return new Node(this, fire)
  }

  /** Calls `fire` once after at least `delayMs`. */
  after(delayMs: number, fire: () => void): WheelTimer {
    const timer = this.timer(fire)
    timer.arm(delayMs)
    return timer
  }

  /** Forgets every timer and lets go of the clock; what is armed later never fires. */
  close(): void {
    this.closed = true
    this.wake?.timer.cancel()
    this.wake = undefined
    this.rings.fill(undefined)
    this.size = 0
  }

  /** @internal Called by the timer. */
  insert(node: Node, delayMs: number): void {
    if (this.closed) return
    const nowMs = this.clock.monotonic() - this.originMs
    if (this.size === 0) this.tick = Math.max(this.tick, Math.floor(nowMs / this.tickMs))
    node.dueTick = Math.max(this.tick + 1, Math.ceil((nowMs + Math.max(0, delayMs)) / this.tickMs))
    this.size++
    this.sleepUntil(this.place(node))
  }

  /** @internal Called by the timer. */
  remove(node: Node): void {
    node.unlink()
    if (!this.closed) this.size--
  }

  /** Puts a node into the slot for its due tick; gives the tick at which that slot must be opened. */
  private place(node: Node): number {
    const distance = node.dueTick - this.tick
    let level = 0
    while (level < levels - 1 && distance >= spans[level + 1]) level++
    const furthest = Math.floor(this.tick / spans[level]) + slots
    const slot = Math.min(Math.floor(node.dueTick / spans[level]), furthest)
    const at = level * slots + (slot % slots)
    let ring = this.rings[at]
    if (!ring) {
      ring = new Node(this, () => {})
      this.rings[at] = ring
    }
    node.linkBefore(ring)
    return slot * spans[level]
  }

  private sleepUntil(tick: number): void {
    if (this.wake && this.wake.tick <= tick) return
    this.wake?.timer.cancel()
    const delayMs = tick * this.tickMs + this.originMs - this.clock.monotonic()
    // A whole millisecond at least: rounding may end a sleep a hair before its tick, and must not make it spin there.
    this.wake = { tick, timer: this.clock.after(Math.max(1, delayMs), () => this.awake()) }
  }

  private awake(): void {
    this.wake = undefined
    const nowTick = Math.floor((this.clock.monotonic() - this.originMs) / this.tickMs)
    for (;;) {
      const next = this.nextOccupied()
      if (next === undefined) break
      if (next > nowTick) {
        this.sleepUntil(next)
        break
      }
      this.tick = next
      this.open(next)
    }
    this.tick = Math.max(this.tick, nowTick)
  }

  /** The tick of the first occupied slot. Constant cost: at most `levels * slots` looks. */
  private nextOccupied(): number | undefined {
    if (this.size === 0) return undefined
    let first: number | undefined
    for (let level = 0; level < levels; level++) {
      const current = Math.floor(this.tick / spans[level])
      for (let slot = current + 1; slot <= current + slots; slot++) {
        const ring = this.rings[level * slots + (slot % slots)]
        if (!ring || ring.next === ring) continue
        const tick = slot * spans[level]
        if (first === undefined || tick < first) first = tick
        break
      }
    }
    return first
  }

  /** Opens every slot that begins at `tick`: far timers move to nearer slots, due ones fire. */
  private open(tick: number): void {
    const due = new Node(this, () => {})
    for (let level = levels - 1; level >= 0; level--) {
      if (tick % spans[level] !== 0) continue
      const ring = this.rings[level * slots + (Math.floor(tick / spans[level]) % slots)]
      if (!ring) continue
      // What is placed again may land in this very slot, a whole turn away: only what is there now is moved.
      const last = ring.previous
      while (ring.next !== ring) {
        const node = ring.next
        node.unlink()
        if (node.dueTick <= tick) node.linkBefore(due)
        else this.place(node)
        if (node === last) break
      }
    }
    while (due.next !== due) {
      const node = due.next
      this.remove(node)
      if (!this.closed) node.fire()
    }
  }
}

/** A link of a ring; a ring's head is a link that carries no timer. */
class Node implements WheelTimer {
  next: Node = this
  previous: Node = this
  dueTick = 0
  readonly fire: () => void
  private readonly wheel: TimerWheel

  constructor(wheel: TimerWheel, fire: () => void) {
    this.wheel = wheel
    this.fire = fire
  }

  get armed(): boolean {
    return this.next !== this
  }

  arm(delayMs: number): void {
    this.cancel()
    this.wheel.insert(this, delayMs)
  }

  cancel(): void {
    if (this.armed) this.wheel.remove(this)
  }

  linkBefore(head: Node): void {
    this.previous = head.previous
    this.next = head
    head.previous.next = this
    head.previous = this
  }

  unlink(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = this
    this.previous = this
  }
}
