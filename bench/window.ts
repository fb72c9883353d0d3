import { Histogram } from './histogram.ts'
import type { Measurement } from './job.ts'
import { cpuSeconds } from './usage.ts'

/** What is counted between the end of the warm-up and the end of the measurement. */
export class Window {
  open = false
  requests = 0
  records = 0
  bytes = 0
  readonly latency = new Histogram()
  private readonly brokerPids: readonly number[]
  private startMs = 0
  private endMs = 0
  private brokerCpu = 0
  private loaderCpu = 0

  constructor(brokerPids: readonly number[]) {
    this.brokerPids = brokerPids
  }

  begin(): void {
    this.brokerCpu = cpuSeconds(this.brokerPids)
    this.loaderCpu = loaderCpuSeconds()
    this.startMs = performance.now()
    this.open = true
  }

  end(): void {
    if (!this.open) return
    this.open = false
    this.endMs = performance.now()
    this.brokerCpu = cpuSeconds(this.brokerPids) - this.brokerCpu
    this.loaderCpu = loaderCpuSeconds() - this.loaderCpu
  }

  result(): Measurement {
    const { latency } = this
    const q = (quantile: number) => Math.round(latency.quantile(quantile))
    return {
      seconds: (this.endMs - this.startMs) / 1000,
      requests: this.requests,
      records: this.records,
      bytes: this.bytes,
      brokerCpuSeconds: this.brokerCpu,
      loaderCpuSeconds: this.loaderCpu,
      latencyUs: {
        p50: q(0.5),
        p99: q(0.99),
        p999: q(0.999),
        max: Math.round(latency.maxUs),
        mean: latency.count === 0 ? 0 : Math.round(latency.sumUs / latency.count)
      }
    }
  }
}

function loaderCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
