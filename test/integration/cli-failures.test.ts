import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict'
import { type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import { DEPLOYMENT } from '../harness/chain-logs.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'
import { until } from '../harness/peers.ts'
import { LAUNCHER, PROGRAM, startTributary, tributary } from '../harness/program.ts'

/** What shows where our own mistakes are. */
const TRACE = /^ {4}at /m

describe('the program, where the world fails', () => {
  const folder = testFolder('cli-failures')
  const servers: Server[] = []
  const listening = async (server: Server): Promise<string> => {
    servers.push(server.listen(0, '127.0.0.1'))
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  before(() => mkdirSync(folder, { recursive: true }))

  after(() => {
    for (const server of servers) server.close()
    removeFolder(folder)
  })

  it('names a file that is not there', async () => {
    await tributary(folder, ['datanet', 'create', 'rivers'])
    const contributor = `0x${'1'.repeat(40)}`
    const words = ['rivers', 'nowhere.md', '--contributor', contributor, '--licence', 'MIT']
    const { code, err } = await tributary(folder, ['datanet', 'add', ...words])
    equal(code, 1)
    match(err, /no such file .*nowhere\.md/)
    doesNotMatch(err, TRACE)
  })

  it('passes over what a node has left that was cut off', async () => {
    mkdirSync(join(folder, '.tributary/node'), { recursive: true })
    writeFileSync(join(folder, '.tributary/node/node.json'), '{"api":')
    const { code, err } = await tributary(folder, ['status'])
    equal(code, 1)
    match(err, /No node runs in this folder/)
    doesNotMatch(err, TRACE)
  })

  it('asks the node that runs, not one that has ended', async () => {
    const api = await listening(createServer((_, response) => response.end('<html>')))
    const left = { rpc: [], deployment: 'deployment.json' }
    const ended = { ...left, pid: 2 ** 30, api: 'http://127.0.0.1:1' }
    writeFileSync(join(folder, '.tributary/node/node.json'), JSON.stringify(ended))
    match((await tributary(folder, ['status'])).err, /No node answers at http:..127.0.0.1:1\./)
    mkdirSync(join(folder, '.tributary/demo/gateway'), { recursive: true })
    const running = { ...left, pid: process.pid, api }
    writeFileSync(join(folder, '.tributary/demo/gateway/node.json'), JSON.stringify(running))
    match((await tributary(folder, ['status'])).err, new RegExp(`${api} is no node`))
  })

  it('takes the address of a node as nodes print it, and says where it is none', async () => {
    const asked: string[] = []
    const server = createServer(({ url = '' }, response) => {
      asked.push(url)
      response.end('<html>')
    })
    const api = await listening(server)
    for (const node of [api, `${api}/`, `${api}/v1`, `${api}/v1/status`]) {
      await tributary(folder, ['why', '0x12', '--node', node])
    }
    deepEqual(asked, Array(4).fill('/v1/jobs/0x12/why'))
    const { err } = await tributary(folder, ['status', '--node', '127.0.0.1:8787'])
    match(err, /^127\.0\.0\.1:8787 is no address of a node\. Name one such as http:/)
  })

  it('says that what answers is no node, or broke off', async () => {
    const page = await listening(createServer((_, response) => response.end('<html>')))
    const other = await tributary(folder, ['status', '--node', page])
    equal(other.code, 1)
    match(other.err, /is no node/)
    doesNotMatch(other.err, TRACE)
    const leaving = createServer(({ url }, response) => {
      if (url === '/v1/models') return response.end('{"data":[]}')
      response.write(': waiting\n\ndata: {"id":"1","choices":[{"text":" of"}]}\n\n')
      return setTimeout(() => response.destroy(), 100)
    })
    const words = ['ask', 'rivers', '--model', 'brook-4m', '--node', await listening(leaving)]
    const cut = await tributary(folder, words)
    equal(cut.code, 1)
    match(cut.err, /broke off/)
    doesNotMatch(cut.err, TRACE)
  })

  it('ends quietly when nobody reads on', async () => {
    const child = startTributary(folder, ['keys'])
    child.stdout!.destroy()
    let err = ''
    child.stderr!.on('data', (part: Buffer) => {
      err += part
    })
    const [code] = await once(child, 'close')
    equal(code, 0)
    doesNotMatch(err, TRACE)
  })

  it('keeps a receipt only where all of it has come', async () => {
    const jobId = `0x${'7'.repeat(64)}`
    let isWhole = true
    const node = await listening(
      createServer(({ url = '' }, response) => {
        if (!url.endsWith('/receipt')) return response.end(JSON.stringify({ jobId }))
        if (isWhole) return response.end('all of it')
        response.write('half of')
        return setTimeout(() => response.destroy(), 100)
      }),
    )
    const whole = await tributary(folder, ['receipt', '0x7777', '--node', node])
    equal(whole.out, '777777777777.car\n')
    equal(readFileSync(join(folder, '777777777777.car'), 'utf8'), 'all of it')
    isWhole = false
    const cut = await tributary(folder, ['receipt', '0x7777', 'cut.car', '--node', node])
    equal(cut.code, 1)
    match(cut.err, /broke off/)
    doesNotMatch(cut.err, TRACE)
    equal(existsSync(join(folder, 'cut.car')), false)
  })

  it('says that its results cannot be written, and needs nobody to hear its words', async function () {
    if (!existsSync('/dev/full')) this.skip()
    const full = openSync('/dev/full', 'w')
    const ended = async (stdio: StdioOptions) => {
      let err = ''
      const child = startTributary(folder, ['keys'], LAUNCHER, stdio)
      child.stderr?.on('data', (part: Buffer) => {
        err += part
      })
      const [code] = await once(child, 'close')
      return { code, err }
    }
    const unwritten = await ended(['ignore', full, 'pipe'])
    equal(unwritten.code, 1)
    match(unwritten.err, /The results cannot be written: ENOSPC/)
    doesNotMatch(unwritten.err, TRACE)
    equal((await ended(['ignore', 'ignore', full])).code, 0)
    closeSync(full)
  })

  it('ends when it has failed, whatever it has left open', async () => {
    const leaveOpen = 'data:text/javascript,setInterval(() => undefined, 1000)'
    const words = ['--import', leaveOpen, PROGRAM, 'start', '--config', 'nowhere.json']
    const child = spawn(process.execPath, words, { cwd: folder, stdio: 'ignore' })
    equal((await once(child, 'exit'))[0], 2)
  })

  it('ends when asked to, though the chain does not answer', async () => {
    const rpc = await listening(createSocketServer(() => undefined))
    writeFileSync(join(folder, 'deployment.json'), JSON.stringify(DEPLOYMENT))
    const where = ['--rpc', rpc, '--deployment', 'deployment.json', '--data', 'data']
    // Whoever started the launcher knows of no other process.
    const child = startTributary(folder, ['start', ...where], LAUNCHER)
    await until(() => existsSync(join(folder, 'data/owner.key')))
    const sinceMs = performance.now()
    child.kill('SIGINT')
    equal((await once(child, 'exit'))[0], 1)
    equal(performance.now() - sinceMs < 9000, true)
    equal(existsSync(join(folder, 'data/lock')), false)
  })
})
