import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createWebServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { z } from 'zod'
import { RpcError } from '../../../worker/chain/endpoint.ts'
import { ChainError } from '../../../worker/chain/errors.ts'
import { smallQuantity } from '../../../worker/chain/quantities.ts'
import { Rpc } from '../../../worker/chain/rpc.ts'
import { isPassing } from '../../../worker/chain/wait.ts'
import { FakeChain, FakeError } from '../../harness/fake-chain.ts'

function disposable(rpc: Rpc) {
  return { rpc, [Symbol.dispose]: () => rpc.close() }
}

describe('the connection to a chain', () => {
  let chain: FakeChain
  let rpc: Rpc

  beforeEach(async () => {
    chain = await FakeChain.start()
    rpc = new Rpc(chain.url, { answerWaitMs: 300 })
  })

  afterEach(async () => {
    rpc.close()
    await chain.stop()
  })

  it('reads an answer by its schema', async () => {
    equal(await rpc.request(smallQuantity, 'eth_chainId'), 31_337)
  })

  it('refuses an answer of another shape', async () => {
    chain.overrides.set('eth_chainId', () => ({ not: 'a number' }))
    await rejects(rpc.request(smallQuantity, 'eth_chainId'), { code: 'rpc-failed' })
  })

  it('passes on an error with its data', async () => {
    chain.overrides.set('eth_call', () => {
      throw new FakeError(3, 'execution reverted', '0x1234')
    })
    await rejects(rpc.request(z.string(), 'eth_call'), (error: unknown) => {
      ok(error instanceof ChainError && error.cause instanceof RpcError)
      equal(error.code, 'rpc-failed')
      deepEqual([error.cause.rpcCode, error.cause.data], [3, '0x1234'])
      return true
    })
  })

  it('says when the chain cannot be reached, and reaches it again', async () => {
    chain.isDown = true
    await rejects(rpc.request(smallQuantity, 'eth_chainId'), { code: 'unreachable' })
    chain.isDown = false
    equal(await rpc.request(smallQuantity, 'eth_chainId'), 31_337)
  })

  it('keeps to itself what may be a key in its address, whatever goes wrong', async () => {
    const { host } = new URL(chain.url)
    for (const [address, shown] of [
      [`http://alice:secret@${host}/`, `http://${host}`],
      [`http://${host}/v2/secret`, `http://${host}/…`],
      [`http://${host}/?key=secret`, `http://${host}/…`],
      [`ws://${host}/secret`, `ws://${host}/…`],
      [`http://${host}`, `http://${host}`],
    ] as const) {
      using keyed = disposable(new Rpc(address, { answerWaitMs: 300 }))
      equal(keyed.rpc.url, shown)
      chain.isDown = true
      await rejects(keyed.rpc.request(smallQuantity, 'eth_chainId'), (error: Error) => {
        ok(error.message.includes(shown) && !error.message.includes('secret'), error.message)
        return true
      })
      chain.isDown = false
    }
  })

  it('says name and password before the host of its address in a header', async () => {
    const told: (string | undefined)[] = []
    const server = createWebServer(({ headers }, response) => {
      told.push(headers.authorization)
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: '0x7a69' }))
    }).listen(0, '127.0.0.1')
    server.on('upgrade', ({ headers }, socket) => {
      told.push(headers.authorization)
      socket.destroy()
    })
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    using overHttp = disposable(new Rpc(`http://alice:p%40ss@127.0.0.1:${port}/`))
    equal(await overHttp.rpc.request(smallQuantity, 'eth_chainId'), 31_337)
    using overSocket = disposable(new Rpc(`ws://alice:100%@127.0.0.1:${port}/`))
    await rejects(overSocket.rpc.request(smallQuantity, 'eth_chainId'), { code: 'unreachable' })
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
    deepEqual(told, [basic('alice:p@ss'), basic('alice:100%')])
    server.closeAllConnections()
    server.close()
  })

  it('heeds the signal, before and during the wait', async () => {
    const fired = AbortSignal.abort()
    await rejects(rpc.request(z.string(), 'eth_chainId', [], fired), { code: 'aborted' })
  })

  describe('over WebSocket', () => {
    let server: Server
    const sockets: Socket[] = []

    beforeEach(async () => {
      // Takes connections and never says a word, as a machine behind a dead line.
      server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      ok(address !== null && typeof address === 'object')
      rpc = new Rpc(`ws://127.0.0.1:${address.port}`, { answerWaitMs: 150 })
    })

    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy()
      server.close()
      await once(server, 'close')
    })

    it('does not wait for ever for a server that says nothing', async () => {
      // The wait for the connection and that for the answer end at the same time.
      await rejects(rpc.request(z.string(), 'eth_chainId'), isPassing)
      await rejects(rpc.request(z.string(), 'eth_chainId'), isPassing)
      ok(sockets.length >= 2)
    })

    it('fails what waits when the connection breaks', async () => {
      const asked = rpc.request(z.string(), 'eth_chainId')
      const failed = rejects(asked, { code: 'unreachable' })
      while (sockets.length === 0) await once(server, 'connection')
      sockets[0]!.destroy()
      await failed
    })

    it('says when nobody listens', async () => {
      server.close()
      await rejects(rpc.request(z.string(), 'eth_chainId'), { code: 'unreachable' })
      server.listen(0)
      await once(server, 'listening')
    })

    it('does not wait again over a connection that has fallen silent', async () => {
      server.on('connection', greet)
      await rejects(rpc.request(z.string(), 'eth_chainId'), { code: 'timeout' })
      await rejects(rpc.request(z.string(), 'eth_chainId'), { code: 'timeout' })
      equal(sockets.length, 2)
    })

    it('fails what waits when the server says goodbye', async () => {
      server.on('connection', greet)
      rpc = new Rpc(rpc.url, { answerWaitMs: 5000 })
      const failed = rejects(rpc.request(z.string(), 'eth_chainId'), { code: 'unreachable' })
      while (sockets.length === 0) await once(server, 'connection')
      await once(sockets[0]!, 'data')
      await once(sockets[0]!, 'data')
      // A close frame, and the end of the line after it, as servers do.
      sockets[0]!.end(Uint8Array.of(0x88, 0))
      await failed
    })

    it('heeds the signal during the wait', async () => {
      const abort = new AbortController()
      const asked = rpc.request(z.string(), 'eth_chainId', [], abort.signal)
      abort.abort()
      await rejects(asked, { code: 'aborted' })
    })
  })
})

/** The server's side of the WebSocket handshake (RFC 6455, section 4.2.2), after which it says nothing. */
function greet(socket: Socket): void {
  socket.once('data', (request) => {
    const key = /sec-websocket-key: (.*)\r\n/i.exec(String(request))?.[1] ?? ''
    const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
    const accept = createHash('sha1').update(`${key}${guid}`).digest('base64')
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
  })
}
