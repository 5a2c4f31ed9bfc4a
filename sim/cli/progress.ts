/** How far a study is: virtual and real time, on a terminal in place, elsewhere a line every ten seconds. */
const WIDTH = 24
const LINE_EVERY_MS = 10_000
const DRAW_EVERY_MS = 100

export interface Status {
  readonly runs: number
  readonly runsDone: number
  readonly virtualSeconds: number
  readonly virtualSecondsDone: number
}

export class Progress {
  readonly #stream: NodeJS.WriteStream
  readonly #startedMs = performance.now()
  #drawnMs: number

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream
    this.#drawnMs = stream.isTTY ? Number.NEGATIVE_INFINITY : this.#startedMs
  }

  update(status: Status): void {
    const nowMs = performance.now()
    const { isTTY } = this.#stream
    if (nowMs - this.#drawnMs < (isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS)) return
    this.#drawnMs = nowMs
    const line = lineOf(status, (nowMs - this.#startedMs) / 1000, isTTY)
    this.#stream.write(isTTY ? `\r\x1b[2K${line}` : `${line}\n`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[2K')
  }
}

/** @param realSeconds since the start */
export function lineOf(status: Status, realSeconds: number, withBar: boolean): string {
  const { runs, runsDone, virtualSeconds, virtualSecondsDone } = status
  const share = virtualSeconds > 0 ? Math.min(1, virtualSecondsDone / virtualSeconds) : 0
  const filled = Math.round(share * WIDTH)
  const bar = withBar ? `${'━'.repeat(filled)}${'─'.repeat(WIDTH - filled)} ` : ''
  const left = share > 0.02 ? `, ${duration((realSeconds / share) * (1 - share))} left` : ''
  const rate = realSeconds > 0 ? virtualSecondsDone / realSeconds : 0
  return (
    `${bar}${runsDone} of ${runs} runs, ${duration(virtualSecondsDone)} of ${duration(virtualSeconds)} virtual ` +
    `in ${duration(realSeconds)} (${rate < 10 ? rate.toFixed(1) : Math.round(rate)} × real)${left}`
  )
}

export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`
}
