/** The bridge as a person has it: each step a process of its own, which knows no more than the file of the one before. */
import { equal, match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../protocol/hash.ts'
import { person } from '../harness/embedded-chain.ts'
import { PROOF_AGE_SECONDS, TwoChains } from '../harness/two-chains.ts'

const PROGRAM = fileURLToPath(new URL('../../worker/cli/main.ts', import.meta.url))
const COIN = 10n ** 18n
const HASH = /^0x[0-9a-f]{64}$/

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

describe('tributary bridge', () => {
  const traveller = person('traveller')
  const friend = person('friend').account
  let chains: TwoChains

  before(async () => {
    chains = await TwoChains.start()
    await chains.fund(traveller.account)
    await writeFile(path.join(chains.folder, 'traveller.key'), toHex(traveller.key))
  })

  after(() => chains?.stop())

  it('tells misuse from failure', async () => {
    equal((await bridge('deposit', 'much')).code, 2)
    equal((await bridge('prove', '0x12')).code, 2)
    const nothing = await bridge('prove')
    equal(nothing.code, 1)
    match(nothing.err, /No withdrawal was sent from here/)
    await writeFile(path.join(chains.folder, 'broken.json'), '{"l1":{}}')
    const broken = await bridge('status', '--bridge', 'broken.json')
    equal(broken.code, 1)
    match(broken.err, /broken\.json describes no bridge: l1\.rpc: /)
  })

  it('waits until a deposit is on L2', async () => {
    const waiting = bridge('deposit', '1.5', '--to', friend)
    await until(async () => (await chains.derive()).length > 0)
    const { code, out, err } = await waiting
    equal(code, 0, err)
    match(out.trim(), HASH)
    match(err, /It is on L2: 0x/)
    equal(await chains.l2.getBalance({ address: friend }), (3n * COIN) / 2n)
  })

  it('carries a withdrawal from the wish to the delivery', async () => {
    await done('withdraw', '0.5', '--to', friend)
    const early = await bridge('prove')
    equal(early.code, 1)
    match(early.err, /is waiting-to-prove.*cannot be proven yet/)
    const waiting = bridge('prove', '--wait')
    await chains.propose()
    const proven = await waiting
    equal(proven.code, 0, proven.err)
    match(proven.err, /tributary bridge finalise --wait/)
    const sent = /withdrawal (0x\w+) is/.exec(proven.err)![1]!
    const again = await bridge('prove', sent)
    equal(again.out, proven.out)
    match(again.err, new RegExp(`tributary bridge finalise ${sent} --wait`))
    match((await bridge('finalise')).err, /is waiting-to-finalise/)
    await chains.passTime(PROOF_AGE_SECONDS + 1)
    const finalised = await done('finalise', '--wait')
    match(finalised, HASH)
    equal(await done('finalise'), finalised)
    equal(await chains.l1.getBalance({ address: friend }), COIN / 2n)
  })

  it('waits on through a loss of the connection', async () => {
    await done('withdraw', '0.25', '--to', friend)
    const switched = await switchedProxy(chains.l1.transport.url!)
    const file = JSON.parse(await readFile(chains.bridgeFile, 'utf8'))
    file.l1.rpc = switched.url
    await writeFile(path.join(chains.folder, 'switched.json'), JSON.stringify(file))
    const waiting = bridge('prove', '--wait', '--bridge', 'switched.json')
    // The first look is over, whose failure would end it.
    await until(async () => switched.count('eth_chainId') > 0 && switched.count('eth_call') > 20)
    switched.isDown = true
    let isOver = false
    void waiting.finally(() => {
      isOver = true
    })
    await until(async () => isOver || switched.refused > 1)
    await chains.propose()
    switched.isDown = false
    const { code, out, err } = await waiting
    switched.close()
    equal(code, 0, err)
    match(out.trim(), HASH)
    match(err, /is waiting-to-finalise: its proof must age/)
  })

  it('sends nothing where there is nothing to send, or nobody to send it to', async () => {
    const empty = await bridge('deposit', '--to', friend)
    equal(empty.code, 2)
    match(empty.err, /nothing to send/)
    const mistyped = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAde'
    equal((await bridge('withdraw', '1', '--to', mistyped)).code, 2)
  })

  it('shows what was sent', async () => {
    const { transfers } = JSON.parse(await done('status', '--json'))
    const states = transfers.map(({ kind, state }: Record<string, string>) => `${kind} ${state}`)
    const expected = 'deposit arrived, withdrawal finalised, withdrawal waiting-to-finalise'
    equal(states.join(', '), expected)
    const one = await done('status', transfers[1].txHash)
    match(one, /withdrawal +0x\S+ +0\.5 +0x\S+ +finalised +done/)
  })

  it('says what to do where the chain has a gas token of its own', async () => {
    await chains.setCustomGasToken(true)
    const { code, err } = await bridge('deposit', '1', '--to', friend)
    equal(code, 1)
    match(err, /carries no value: leave the amount out.*lockbox/)
  })

  async function done(...words: string[]): Promise<string> {
    const { code, out, err } = await bridge(...words)
    equal(code, 0, err)
    return out.trim()
  }

  function bridge(...words: string[]): Promise<Said> {
    const key = words[0] === 'status' ? [] : ['--key', 'traveller.key']
    const args = [PROGRAM, 'bridge', ...words, ...key]
    const options = { cwd: chains.folder, env: { PATH: process.env['PATH'] } }
    return new Promise((resolve) => {
      execFile(process.execPath, args, options, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err })
      })
    })
  }
})

async function until(happened: () => Promise<boolean>): Promise<void> {
  while (!(await happened())) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** Hands on every question while it is not down. */
async function switchedProxy(to: string) {
  const asked: string[] = []
  const proxy = {
    ...{ url: '', isDown: false, refused: 0 },
    count: (method: string) => asked.filter((one) => one === method).length,
    close: () => server.close(),
  }
  const server = createServer(async (request, response) => {
    const body = await text(request)
    asked.push(JSON.parse(body).method)
    if (proxy.isDown) {
      proxy.refused += 1
      return response.writeHead(503).end('come back later')
    }
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(to, { method: 'POST', headers, body })
    return response.writeHead(200, headers).end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}
