/** How far a study is: virtual and real time, on a terminal in place, elsewhere a line every ten seconds. */
const WIDTH = 24
const LEAST_WIDTH = 6
/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80
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
    const columns = isTTY ? this.#stream.columns || COLUMNS : undefined
    const line = lineOf(status, (nowMs - this.#startedMs) / 1000, columns)
    this.#stream.write(isTTY ? `\r\x1b[2K${line}` : `${line}\n`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[2K')
  }
}

/**
 * @param realSeconds since the start
 * @param columns of the terminal: what goes over its edge could not be drawn over. There is a bar where it fits; none without.
 */
export function lineOf(status: Status, realSeconds: number, columns?: number): string {
  const { runs, runsDone, virtualSeconds, virtualSecondsDone } = status
  const share = virtualSeconds > 0 ? Math.min(1, virtualSecondsDone / virtualSeconds) : 0
  const left = share > 0.02 ? `, ${duration((realSeconds / share) * (1 - share))} left` : ''
  const rate = realSeconds > 0 ? virtualSecondsDone / realSeconds : 0
  const figures =
    `${runsDone} of ${runs} runs, ${duration(virtualSecondsDone)} of ${duration(virtualSeconds)} virtual ` +
    `in ${duration(realSeconds)} (${rate < 10 ? rate.toFixed(1) : Math.round(rate)} × real)${left}`
  if (columns === undefined) return figures
  const width = Math.min(WIDTH, columns - figures.length - 2)
  if (width < LEAST_WIDTH) return figures.slice(0, columns - 1)
  const filled = Math.round(share * width)
  return `${'━'.repeat(filled)}${'─'.repeat(width - filled)} ${figures}`
}

export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`
}
