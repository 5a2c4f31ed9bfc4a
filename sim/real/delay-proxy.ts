/** A way to a node on this machine that takes its time, both ways, and keeps the order of what goes along it. */
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Timers are late by up to a millisecond; what is due by then need not wait for the next. */
const GRAIN_MS = 0.5

export class DelayProxy {
  /** One way, in milliseconds of this machine's time; may be changed at any time. */
  delayMs = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #jitter: () => number

  /** @param jitter how much longer than the delay the next piece takes, as a share of it */
  private constructor(port: number, jitter: () => number) {
    this.#jitter = jitter
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      this.#carry(near, far)
      this.#carry(far, near)
    })
  }

  /** A proxy to a port of this machine, listening on another. */
  static async open(port: number, jitter: () => number): Promise<DelayProxy> {
    const proxy = new DelayProxy(port, jitter)
    const server = proxy.#server.listen(0, '127.0.0.1')
    await new Promise<void>((resolve, reject) => {
      server.once('listening', () => resolve())
      server.once('error', reject)
    })
    return proxy
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    const late = new Late((bytes) => {
      if (bytes) to.write(bytes)
      else to.end()
    })
    const waitMs = () => this.delayMs * (1 + this.#jitter())
    from.on('data', (bytes) => late.push(bytes, waitMs()))
    from.on('end', () => late.push(undefined, waitMs()))
    // A connection that breaks is over at once, for both sides.
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      if (!from.readableEnded) to.destroy()
    })
  }
}

/** Hands on what it is given, after a while, in order. */
class Late {
  readonly #queue: { readonly bytes: Buffer | undefined; readonly dueMs: number }[] = []
  readonly #hand: (bytes: Buffer | undefined) => void
  #lastMs = 0

  /** @param hand takes bytes, or undefined for the end */
  constructor(hand: (bytes: Buffer | undefined) => void) {
    this.#hand = hand
  }

  push(bytes: Buffer | undefined, waitMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, performance.now() + waitMs)
    this.#queue.push({ bytes, dueMs: this.#lastMs })
    if (this.#queue.length === 1) this.#wait()
  }

  #wait(): void {
    const [next] = this.#queue
    if (next) setTimeout(() => this.#handOn(), Math.max(0, next.dueMs - performance.now()))
  }

  #handOn(): void {
    const untilMs = performance.now() + GRAIN_MS
    while (this.#queue.length > 0 && this.#queue[0]!.dueMs <= untilMs) {
      this.#hand(this.#queue.shift()!.bytes)
    }
    this.#wait()
  }
}
