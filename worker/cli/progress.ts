/**
 * The one place that draws bars. On a terminal a bar moves in place; elsewhere there is a line every ten seconds, so that
 * a log shows that work goes on. All of it goes to standard error: results stand alone on standard output.
 */
import { styleText } from 'node:util'

const WIDTH = 28
const LEAST_WIDTH = 6
/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80
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
  const interval = stream.isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS
  let drawnMs = stream.isTTY ? Number.NEGATIVE_INFINITY : performance.now()
  let first: { readonly atMs: number; readonly done: number } | undefined
  return {
    update: (done, total, detail = '') => {
      const nowMs = performance.now()
      // What was waited for before, or was there already, says nothing about what is left.
      first ??= { atMs: nowMs, done }
      if (nowMs - drawnMs < interval) return
      drawnMs = nowMs
      const left = leftMs(first, done, total, nowMs)
      const figures = inFigures(done, total, left, detail)
      if (stream.isTTY) {
        const share = total > 0 ? Math.min(1, done / total) : 0
        stream.write(`\r\x1b[2K${drawn(label, share, figures, stream.columns || COLUMNS)}`)
      } else stream.write(`${label} ${figures}\n`)
    },
    end: (line) => {
      if (stream.isTTY) stream.write('\r\x1b[2K')
      if (line !== undefined) stream.write(`${line}\n`)
    },
  }
}

/** On one line of the terminal, with as much of a bar as fits: what goes over its edge could not be drawn over. */
function drawn(label: string, share: number, figures: string, columns: number): string {
  const room = columns - label.length - figures.length - ' '.length * 3
  if (room < LEAST_WIDTH) return `${label} ${figures}`.slice(0, columns - 1)
  const width = Math.min(WIDTH, room)
  const filled = Math.round(share * width)
  const bar = `${styleText('cyan', '━'.repeat(filled))}${styleText('dim', '─'.repeat(width - filled))}`
  return `${label} ${bar} ${figures}`
}

function inFigures(
  done: number,
  total: number,
  leftMs: number | undefined,
  detail: string,
): string {
  const left = leftMs === undefined ? '' : `, ${seconds(leftMs)} left`
  const figures = total > 0 ? `${done}/${total}` : `${done}`
  return `${figures}${left}${detail === '' ? '' : `  ${detail}`}`
}

/** Once enough was done to tell by. */
function leftMs(
  first: { readonly atMs: number; readonly done: number },
  done: number,
  total: number,
  nowMs: number,
): number | undefined {
  const since = done - first.done
  if (since <= 0.02 * total) return undefined
  return ((nowMs - first.atMs) / since) * Math.max(0, total - done)
}

export function seconds(ms: number): string {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`
}
