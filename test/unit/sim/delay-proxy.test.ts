import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { after, before, describe, it } from 'mocha'
import { DelayProxy } from '../../../sim/real/delay-proxy.ts'

/** Says all that it hears again, and ends when the other side does. */
async function echo(): Promise<Server> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describe('a delay proxy', () => {
  let server: Server
  let proxy: DelayProxy
  /** How much longer each next piece takes; the longest first, so that later ones would overtake it. */
  const jitter = [1, 0.5, 0, 0, 0, 0]
  before(async () => {
    server = await echo()
    const { port } = server.address() as { port: number }
    proxy = await DelayProxy.open(port, () => jitter.shift() ?? 0)
  })
  after(() => {
    proxy.close()
    server.close()
  })

  it('brings all bytes there and back, none too early, in their order, and the end after them', async () => {
    proxy.delayMs = 40
    const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const heard: { text: string; atMs: number }[] = []
    socket.on('data', (bytes) => heard.push({ text: String(bytes), atMs: performance.now() }))
    const saidMs: number[] = []
    for (const text of ['one ', 'two ', 'three']) {
      saidMs.push(performance.now())
      socket.write(text)
      await new Promise((wake) => setTimeout(wake, 10))
    }
    socket.end()
    await once(socket, 'end')
    assert.equal(heard.map(({ text }) => text).join(''), 'one two three')
    // The first takes twice as long there. Timers may be a grain of a millisecond early each way.
    assert.ok(heard[0]!.atMs - saidMs[0]! >= 3 * 40 - 2)
    assert.ok(heard.at(-1)!.atMs - saidMs[2]! >= 2 * 40 - 2)
  })

  it('breaks the connection where the other side cannot be reached', async () => {
    const lost = await DelayProxy.open(1, () => 0)
    const socket = connect({ port: lost.port, host: '127.0.0.1' })
    await once(socket, 'close')
    lost.close()
  })
})
