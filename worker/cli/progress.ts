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
      const line = render(
        label,
        done,
        total,
        leftMs(first, done, total, nowMs),
        detail,
        stream.isTTY,
      )
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
  leftMs: number | undefined,
  detail: string,
  drawn: boolean,
): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * WIDTH)
  const bar = `${styleText('cyan', '━'.repeat(filled))}${styleText('dim', '─'.repeat(WIDTH - filled))} `
  const left = leftMs === undefined ? '' : `, ${seconds(leftMs)} left`
  const figures = total > 0 ? `${done}/${total}` : `${done}`
  return `${label} ${drawn ? bar : ''}${figures}${left}${detail === '' ? '' : `  ${detail}`}`
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
