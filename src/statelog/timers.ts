import type { TimerWheel, WheelTimer } from '../std/timer-wheel.ts'
import type { Turn } from './turn.ts'

/** Timers of a state: what they do is a turn like any handler's, and they end with the state. */
export class StateTimers {
  private readonly wheel: TimerWheel
  private readonly takeTurn: (act: (turn: Turn) => void) => void

  constructor(wheel: TimerWheel, takeTurn: (act: (turn: Turn) => void) => void) {
    this.wheel = wheel
    this.takeTurn = takeTurn
  }

  /** A timer that is not armed yet. */
  timer(fire: (turn: Turn) => void): WheelTimer {
    return this.wheel.timer(() => this.takeTurn(fire))
  }
}
