/** Ways between nodes of this machine on which each sends no faster than a home's line allows. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What one node sends, to whomever. */
export class Uplink {
  readonly #bytesASecond: number
  #freeAtMs = 0
  bytes = 0

  constructor(bytesASecond: number) {
    this.#bytesASecond = bytesASecond
  }

  /** Hands bytes on when the line has brought them, and takes no more until then. */
  carry(from: Socket, to: Socket): void {
    from.on('data', (data) => {
      const nowMs = performance.now()
      this.bytes += data.length
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (1000 * data.length) / this.#bytesASecond
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

/** To a port of this machine, for one that has the first uplink; what comes back takes the second. */
export class HomeWay implements Disposable {
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

  static async open(port: number, near: Uplink, far: Uplink): Promise<HomeWay> {
    const way = new HomeWay(port, near, far)
    await new Promise<void>((resolve) => way.#server.listen(0, '127.0.0.1', resolve))
    return way
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  [Symbol.dispose](): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
