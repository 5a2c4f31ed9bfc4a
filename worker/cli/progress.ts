/**
 * The one place that draws bars. On a terminal a bar moves in place; elsewhere there is a line every ten seconds, so that
 * a log shows that work goes on. All of it goes to standard error: results stand alone on standard output.
 */
import { styleText } from 'node:util'

const WIDTH = 28
const LINE_EVERY_MS = 10_000
const DRAW_EVERY_MS = 100

export interface Progress {
  /** `detail` is shown behind the figures, such as a loss. A total of 0 is one that nobody knows. */
  update(done: number, total: number, detail?: string): void
  /** Ends the bar, leaving a line in its place where one is given. */
  end(line?: string): void
}

export function startProgress(
  label: string,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const startedMs = performance.now()
  let drawnMs = Number.NEGATIVE_INFINITY
  const interval = stream.isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS
  if (!stream.isTTY) drawnMs = startedMs
  return {
    update: (done, total, detail = '') => {
      const nowMs = performance.now()
      if (nowMs - drawnMs < interval) return
      drawnMs = nowMs
      const line = render(label, done, total, nowMs - startedMs, detail, stream.isTTY)
      stream.write(stream.isTTY ? `\r\x1b[2K${line}` : `${line}\n`)
    },
    end: (line) => {
      if (stream.isTTY) stream.write('\r\x1b[2K')
      if (line !== undefined) stream.write(`${line}\n`)
    },
  }
}

function render(
  label: string,
  done: number,
  total: number,
  elapsedMs: number,
  detail: string,
  drawn: boolean,
): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * WIDTH)
  const bar = `${styleText('cyan', '━'.repeat(filled))}${styleText('dim', '─'.repeat(WIDTH - filled))} `
  const leftMs = share > 0.02 ? (elapsedMs / share) * (1 - share) : undefined
  const left = leftMs === undefined ? '' : `, ${seconds(leftMs)} left`
  const figures = total > 0 ? `${done}/${total}` : `${done}`
  return `${label} ${drawn ? bar : ''}${figures}${left}${detail === '' ? '' : `  ${detail}`}`
}

export function seconds(ms: number): string {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`
}
