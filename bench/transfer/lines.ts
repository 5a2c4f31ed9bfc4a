/** Ways between nodes of this machine on which each sends no faster than its line allows. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** How often a line stands still, and for how long. */
export interface HoldUps {
  readonly everyMs: number
  readonly forMs: number
}

/** What one node sends, to whomever. */
export class Uplink {
  readonly #bytesASecond: number
  readonly #holdUps: HoldUps | undefined
  #freeAtMs = 0
  #goesUntilMs: number
  /** Sent so far. */
  bytes = 0

  constructor(bytesASecond: number, holdUps?: HoldUps) {
    this.#bytesASecond = bytesASecond
    this.#holdUps = holdUps
    this.#goesUntilMs = performance.now() + (holdUps?.everyMs ?? Number.POSITIVE_INFINITY)
  }

  /** Hands bytes on when the line has brought them, and takes no more until then. */
  carry(from: Socket, to: Socket): void {
    from.on('data', (data) => {
      const nowMs = performance.now()
      this.bytes += data.length
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (1000 * data.length) / this.#bytesASecond
      if (this.#holdUps && this.#freeAtMs > this.#goesUntilMs) {
        this.#freeAtMs += this.#holdUps.forMs
        this.#goesUntilMs = this.#freeAtMs + this.#holdUps.everyMs
      }
      from.pause()
      setTimeout(() => {
        to.write(data)
        from.resume()
      }, this.#freeAtMs - nowMs)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}

/** To a node of this machine, for one that has the first uplink; what comes back takes the second. */
export class Way implements Disposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(port: number, near: Uplink, far: Uplink) {
    this.#server = createServer((caller) => {
      const called = connect(port, '127.0.0.1')
      for (const socket of [caller, called]) this.#sockets.add(socket)
      near.carry(caller, called)
      far.carry(called, caller)
    })
  }

  /** @returns it, and the address that leads along it in place of the node's own */
  static async open(to: Multiaddr, near: Uplink, far: Uplink): Promise<[Way, Multiaddr]> {
    const port = Number(/tcp\/(\d+)/.exec(`${to}`)![1])
    const way = new Way(port, near, far)
    await new Promise<void>((resolve) => way.#server.listen(0, '127.0.0.1', resolve))
    const own = (way.#server.address() as AddressInfo).port
    return [way, multiaddr(`${to}`.replace(`tcp/${port}`, `tcp/${own}`))]
  }

  [Symbol.dispose](): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
