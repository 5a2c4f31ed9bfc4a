import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { after, before, describe, it } from 'mocha'
import { Peers, type TestPeer } from '../harness/peers.ts'

const MIB = 1024 * 1024

interface Line {
  readonly name: string
  readonly bytesASecond: number
  readonly mebibytes: number
  /** How often it stands still, and for how long. */
  readonly holdUps?: { readonly everyMs: number; readonly forMs: number }
}

/** Hands everything through, what comes back no faster than the line allows. */
class SlowLine {
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()
  readonly #line: Line
  #freeAtMs = 0
  #goesUntilMs = 0
  bytes = 0

  constructor(line: Line) {
    this.#line = line
    this.#goesUntilMs = performance.now() + (line.holdUps?.everyMs ?? Number.POSITIVE_INFINITY)
  }

  async open(port: number): Promise<number> {
    const server = createServer((near) => this.#join(near, connect(port, '127.0.0.1')))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  #join(near: Socket, far: Socket): void {
    near.on('data', (data) => far.write(data))
    far.on('data', (data) => {
      this.bytes += data.length
      const nowMs = performance.now()
      const { bytesASecond, holdUps } = this.#line
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (1000 * data.length) / bytesASecond
      if (holdUps && this.#freeAtMs > this.#goesUntilMs) {
        this.#freeAtMs += holdUps.forMs
        this.#goesUntilMs = this.#freeAtMs + holdUps.everyMs
      }
      far.pause()
      setTimeout(() => {
        near.write(data)
        far.resume()
      }, this.#freeAtMs - nowMs)
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server?.close()
  }
}

const LINES: readonly Line[] = [
  { name: 'a home’s uplink: a second for each block', bytesASecond: 1_000_000, mebibytes: 24 },
  { name: 'four seconds for each block', bytesASecond: 250_000, mebibytes: 6 },
  {
    name: 'one that stands still for three seconds in seven',
    ...{ bytesASecond: 250_000, mebibytes: 4, holdUps: { everyMs: 4000, forMs: 3000 } },
  },
  { name: 'fifteen seconds for each block', bytesASecond: 70_000, mebibytes: 3 },
]

for (const slow of LINES) {
  describe(`a file over a slow line, ${slow.name}`, () => {
    const line = new SlowLine(slow)
    const peers = new Peers()
    let owner: TestPeer
    let reader: TestPeer

    before(async () => {
      owner = await peers.start(1, [])
      reader = await peers.start(2, [])
      const address = `${owner.peer.libp2p.getMultiaddrs()[0]}`
      const port = Number(/tcp\/(\d+)/.exec(address)![1])
      const proxied = address.replace(`tcp/${port}`, `tcp/${await line.open(port)}`)
      await reader.peer.libp2p.dial(multiaddr(proxied))
    })

    after(async () => {
      line.close()
      await peers.stop()
    })

    it('comes whole, and at most one block twice', async () => {
      const file = randomBytes(slow.mebibytes * MIB)
      const cid = await owner.content.putFile(file)
      const signal = AbortSignal.timeout(110_000)
      const got = await reader.content.getFile(cid, file.length, { signal })
      assert.ok(file.equals(got))
      const most = 1.05 * file.length + MIB
      assert.ok(line.bytes < most, `${line.bytes} bytes came for ${file.length}`)
    })
  })
}
