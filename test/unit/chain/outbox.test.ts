import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { appendFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { Address } from '../../../protocol/fields.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { ChainError } from '../../../worker/chain/errors.ts'
import { Outbox } from '../../../worker/chain/outbox.ts'
import { type Change, fileStore } from '../../../worker/chain/outbox-file.ts'
import { toQuantity } from '../../../worker/chain/quantities.ts'
import { Rpc } from '../../../worker/chain/rpc.ts'
import { sleep } from '../../../worker/chain/wait.ts'
import { FakeChain, FakeError } from '../../harness/fake-chain.ts'
import { testFolder } from '../../harness/folders.ts'
import { fullDisk } from '../../harness/full-disk.ts'

const ACCOUNT = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const TO = `0x${'22'.repeat(20)}` as Address

describe('the outbox', () => {
  let chain: FakeChain
  let folder: string
  let rpcs: Rpc[]

  beforeEach(async () => {
    chain = await FakeChain.start()
    folder = testFolder('outbox')
    rpcs = []
  })

  afterEach(async () => {
    for (const rpc of rpcs) rpc.close()
    await chain.stop()
    await rm(folder, { recursive: true })
  })

  function open(
    patienceMs = 10_000,
    raiseMs = 10_000,
    resumed: (what: string) => void = () => undefined,
  ): Outbox {
    const rpc = new Rpc(chain.url, { answerWaitMs: 1000 })
    rpcs.push(rpc)
    const store = fileStore(file())
    const paces = { patienceMs, raiseMs, compareMs: 100 }
    const onResumed = ({ what }: { what: string }): void => resumed(what)
    return new Outbox({ rpc, chainId: 31_337, account: ACCOUNT, store, onResumed, ...paces })
  }

  const file = (): string => path.join(folder, 'outbox.log')

  const write = (data: number) => ({ what: `write ${data}`, to: TO, data: hex(data) })

  /** All that is sent is mined, took so much gas, and failed. */
  function minesInVain(gasUsed: number): void {
    chain.overrides.set('eth_getTransactionReceipt', ([hash]) => ({
      transactionHash: hash,
      blockNumber: '0x1',
      status: '0x0',
      gasUsed: toQuantity(gasUsed),
      logs: [],
    }))
  }

  it('sends one after the other, in the order in which it was asked', async () => {
    const outbox = open()
    const receipts = await Promise.all([1, 2, 3, 4, 5].map((data) => outbox.send(write(data))))
    deepEqual(chain.minedData, [1, 2, 3, 4, 5].map(hex))
    deepEqual(
      receipts.map(({ blockNumber }) => blockNumber),
      [1, 2, 3, 4, 5],
    )
  })

  it('goes on after a write that was refused, leaving no gap in the nonces', async () => {
    const outbox = open()
    await outbox.send(write(1))
    chain.overrides.set('eth_estimateGas', () => {
      throw new FakeError(3, 'execution reverted', '0x')
    })
    await rejects(outbox.send(write(2)), { name: 'ChainError', code: 'reverted' })
    chain.overrides.clear()
    await outbox.send(write(3))
    deepEqual(chain.minedData, [1, 3].map(hex))
  })

  it('writes down what it sends before it sends it', async () => {
    let atSending = ''
    chain.overrides.set('eth_sendRawTransaction', ([raw]) => {
      atSending = readFileSync(file(), 'utf8')
      chain.overrides.clear()
      return chain.handle('eth_sendRawTransaction', [raw])
    })
    await open().send(write(1))
    const { entry } = JSON.parse(atSending.trimEnd().split('\n').at(-1)!.slice(9))
    equal(entry.data, hex(1))
    deepEqual(
      entry.attempts.map(({ raw }: { raw: string }) => raw),
      chain.offered,
    )
  })

  it('finishes what an earlier life has begun, once', async () => {
    chain.minesAtOnce = false
    await rejects(open(500).send(write(1)), { code: 'timeout' })
    chain.minesAtOnce = true
    chain.pool.clear()
    await open().send(write(2))
    deepEqual(chain.minedData, [1, 2].map(hex))
  })

  it('does not repeat what was mined while it was away', async () => {
    chain.minesAtOnce = false
    await rejects(open(500).send(write(1)), { code: 'timeout' })
    chain.mine()
    chain.minesAtOnce = true
    await open().send(write(2))
    deepEqual(chain.minedData, [1, 2].map(hex))
    equal(chain.offered.length, 2)
  })

  it('does once what is asked for again after it was cut off, mined in between or not', async () => {
    const resumed: string[] = []
    const note = (what: string): void => void resumed.push(what)
    for (const data of [1, 2]) {
      chain.minesAtOnce = false
      await rejects(open(500).send(write(data)), { code: 'timeout' })
      if (data === 1) chain.mine()
      else chain.pool.clear()
      chain.minesAtOnce = true
      await open(10_000, 10_000, note).send(write(data))
    }
    deepEqual(chain.minedData, [1, 2].map(hex))
    await open(10_000, 10_000, note).send(write(2))
    deepEqual(chain.minedData, [1, 2, 2].map(hex))
    deepEqual(resumed, ['write 1', 'write 2'])
  })

  it('waits for a chain that cannot be reached', async () => {
    const outbox = open()
    await outbox.send(write(1))
    chain.isDown = true
    const sent = outbox.send(write(2))
    await sleep(500)
    chain.isDown = false
    await sent
    deepEqual(chain.minedData, [1, 2].map(hex))
  })

  it('offers a transaction again that the pool has forgotten', async () => {
    chain.minesAtOnce = false
    const sent = open().send(write(1))
    while (chain.pool.size === 0) await sleep(5)
    chain.pool.clear()
    chain.minesAtOnce = true
    await sent
    deepEqual(chain.minedData, [hex(1)])
    ok(chain.offered.every((raw) => raw === chain.offered[0]))
  })

  it('does not take back what a pool has taken, because another refuses it for a while', async () => {
    chain.minesAtOnce = false
    // It hands transactions on to the sequencer and keeps none, as replicas of an OP Stack chain do.
    chain.overrides.set('eth_getTransactionByHash', () => null)
    chain.overrides.set('eth_sendRawTransaction', (params) => {
      if (chain.offered.length === 0) return chain.own('eth_sendRawTransaction', params)
      busy++
      throw new FakeError(-32005, 'too many requests')
    })
    let busy = 0
    const sent = open().send(write(1))
    while (busy < 3) await Promise.race([sleep(10), sent])
    chain.mine()
    equal((await sent).blockNumber, 1)
    deepEqual(chain.minedData, [hex(1)])
  })

  it('sends again, as they were, transactions of blocks that the chain has lost', async () => {
    const outbox = open()
    for (const data of [1, 2, 3]) await outbox.send(write(data))
    chain.forget(2)
    await outbox.send(write(4))
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
    equal(new Set(chain.offered).size, 4)
  })

  it('does so after a restart, too', async () => {
    for (const data of [1, 2, 3]) await open().send(write(data))
    chain.forget(3)
    await open().send(write(4))
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
  })

  it('begins anew on a chain that was begun anew', async () => {
    for (const data of [1, 2, 3]) await open().send(write(data))
    chain.forget(4)
    chain.mine()
    await open().send(write(4))
    deepEqual(chain.minedData, [hex(4)])
  })

  it('fills the gap that another life of the key has left', async () => {
    const later = await ACCOUNT.signTransaction({
      type: 'eip1559',
      chainId: 31_337,
      nonce: 1,
      to: TO,
      data: '0x99',
      gas: 21_000n,
      maxFeePerGas: 300n,
      maxPriorityFeePerGas: 1n,
    })
    chain.pool.set(1, later)
    await open().send(write(1))
    deepEqual(chain.minedData, [hex(1), '0x99'])
  })

  it('signs anew where another has used the nonce', async () => {
    const other = new Outbox({
      rpc: new Rpc(chain.url),
      chainId: 31_337,
      account: ACCOUNT,
      store: fileStore(path.join(folder, 'other.log')),
      compareMs: 100,
    })
    chain.overrides.set('eth_sendRawTransaction', () => {
      // Between our look at the nonce and our offer, the other's transaction is mined.
      chain.overrides.clear()
      void other.send(write(9))
      throw new FakeError(-32003, 'nonce too low')
    })
    await open().send(write(1))
    deepEqual([...chain.minedData].sort(), [1, 9].map(hex))
  })

  it('offers more for a transaction that stays out of the blocks', async () => {
    chain.minesAtOnce = false
    const sent = open(10_000, 200).send(write(1))
    while (chain.offered.length < 3) await sleep(5)
    chain.mine()
    await sent
    const fees = [...new Set(chain.offered)].map((raw) => parseTransaction(raw).maxFeePerGas ?? 0n)
    ok(fees.length >= 2)
    ok(fees.every((fee, index) => index === 0 || fee * 100n >= fees[index - 1]! * 110n))
    deepEqual(chain.minedData, [hex(1)])
  })

  it('drops a transaction that the chain will never take', async () => {
    chain.overrides.set('eth_sendRawTransaction', () => {
      throw new FakeError(-32003, 'Insufficient funds for gas * price + value')
    })
    const outbox = open()
    await rejects(outbox.send(write(1)), { code: 'insufficient-funds' })
    equal(fileStore(file()).load().pending, undefined)
    chain.overrides.clear()
    await outbox.send(write(2))
    deepEqual(chain.minedData, [hex(2)])
  })

  it('drops in the end what pools go on to refuse', async () => {
    chain.minesAtOnce = false
    const outbox = open(10_000, 300)
    const sent = outbox.send(write(1))
    while (chain.pool.size === 0) await sleep(5)
    chain.pool.clear()
    chain.overrides.set('eth_sendRawTransaction', () => {
      throw new FakeError(-32003, 'Insufficient funds for gas * price + value')
    })
    await rejects(sent, { code: 'insufficient-funds' })
    equal(fileStore(file()).load().pending, undefined)
  })

  it('tells why a mined transaction failed', async () => {
    minesInVain(0x1)
    chain.overrides.set('eth_call', () => {
      // AlreadyPosted(7)
      throw new FakeError(3, 'execution reverted', `0x${ALREADY_POSTED}${'7'.padStart(64, '0')}`)
    })
    await rejects(open().send(write(1)), (error: unknown) => {
      ok(error instanceof ChainError)
      equal(error.code, 'reverted')
      deepEqual(error.revert, { name: 'AlreadyPosted', args: { number: 7n } })
      match(error.message, /refused to write 1: AlreadyPosted\(number 7\)/)
      return true
    })
  })

  it('tells that a mined transaction ran out of gas', async () => {
    minesInVain(0x12345)
    chain.overrides.set('eth_call', () => '0x')
    await rejects(open().send({ ...write(1), gas: 0x12345n }), {
      code: 'reverted',
      message: /write 1 used up its 74565 gas.*try again/,
    })
    await rejects(open().send({ ...write(2), gas: 0x20000n }), { message: /write 2: Unknown/ })
  })

  it('ends a wait when the signal fires, and sees to the transaction the next time', async () => {
    chain.minesAtOnce = false
    const abort = new AbortController()
    const outbox = open()
    const sent = outbox.send(write(1), abort.signal)
    while (chain.pool.size === 0) await sleep(5)
    abort.abort()
    await rejects(sent, { code: 'aborted' })
    chain.minesAtOnce = true
    chain.mine()
    await outbox.send(write(2))
    deepEqual(chain.minedData, [1, 2].map(hex))
  })

  it('gives no nonce away while nobody can say what became of the transaction that has it', async () => {
    chain.minesAtOnce = false
    const outbox = open()
    const abort = new AbortController()
    const sent = outbox.send(write(1), abort.signal)
    while (chain.pool.size === 0) await sleep(5)
    abort.abort()
    await rejects(sent, { code: 'aborted' })
    chain.pool.clear()
    chain.minesAtOnce = true
    chain.overrides.set('eth_getTransactionReceipt', () => {
      throw new FakeError(-32005, 'too many requests')
    })
    await rejects(outbox.send(write(2)), { code: 'rpc-failed' })
    chain.overrides.clear()
    await outbox.send(write(2))
    deepEqual(chain.minedData, [1, 2].map(hex))
  })

  it('refuses a damaged file rather than forget what may be under way', async () => {
    await writeFile(file(), '00000000 {"kind":"begun"}\n')
    await rejects(open().send(write(1)), { code: 'outbox-corrupt' })
    equal(chain.offered.length, 0)
  })

  it('knows a line that a crash has torn from damage', async () => {
    await open().send(write(1))
    await appendFile(file(), '12345678 {"kind":"signed","ent')
    await open().send(write(2))
    deepEqual(chain.minedData, [1, 2].map(hex))
  })

  it('sends again what the chain has forgotten when it has nothing else to send', async () => {
    const outbox = open()
    for (const data of [1, 2, 3]) await outbox.send(write(data))
    chain.forget(2)
    await outbox.restore()
    deepEqual(chain.minedData, [1, 2, 3].map(hex))
    await outbox.restore()
    equal(new Set(chain.offered).size, 3)
  })

  it('sends again what is forgotten a second time while it is sent again', async () => {
    const outbox = open()
    for (const data of [1, 2, 3]) await outbox.send(write(data))
    chain.forget(3)
    let offers = 0
    chain.overrides.set('eth_sendRawTransaction', ([raw]) => {
      chain.overrides.delete('eth_sendRawTransaction')
      const answer = chain.handle('eth_sendRawTransaction', [raw])
      if (++offers < 3) chain.overrides.set('eth_sendRawTransaction', again)
      if (offers === 2) chain.forget(2)
      return answer
    })
    const again = chain.overrides.get('eth_sendRawTransaction')!
    await outbox.send(write(4))
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
  })

  it('does not give a forgotten nonce to the next one', async () => {
    const outbox = open()
    for (const data of [1, 2]) await outbox.send(write(data))
    // Forgotten after the look for what was forgotten, and before the nonce is chosen.
    chain.overrides.set('eth_estimateGas', () => {
      chain.overrides.clear()
      chain.forget(1)
      return '0x5208'
    })
    await outbox.send(write(3))
    deepEqual(chain.minedData, [1, 2, 3].map(hex))
  })

  it('remembers nothing of a change that the disk had no room for, and can read its file', async () => {
    await open().send(write(1))
    const store = fileStore(file())
    const memory = store.load()
    const before = structuredClone(memory)
    const { nonce, raw, atMs } = memory.mined[0]!
    const changes: Change[] = [
      { kind: 'mined', mined: { nonce: nonce + 1, raw, atMs } },
      { kind: 'begun', genesis: `0x${'33'.repeat(32)}` as Hash },
    ]
    for (const change of changes) {
      using _ = fullDisk(30)
      throws(() => store.change(memory, change), /ENOSPC/)
    }
    deepEqual(memory, before)
    store.change(memory, { kind: 'lost', fromNonce: nonce, atMs: atMs + 1 })
    store.close()
    deepEqual(fileStore(file()).load(), memory)
  })

  it('goes on with its long file where there is no room for a short one beside it', async () => {
    await open().send(write(1))
    const store = fileStore(file())
    const memory = store.load()
    const mined = memory.mined[0]!
    const later = (minutes: number): Change => {
      return { kind: 'mined', mined: { ...mined, atMs: mined.atMs + 60_000 * minutes } }
    }
    const lineBytes = JSON.stringify(later(1)).length + 10
    for (let i = 1; i <= 4200; i++) {
      using _ = i > 4000 ? fullDisk(lineBytes) : undefined
      store.change(memory, later(i))
    }
    ok(readFileSync(file()).length >= 4200 * lineBytes)
    store.close()
    deepEqual(fileStore(file()).load(), memory)
  })

  it('keeps its file short', async () => {
    const outbox = open()
    for (let data = 1; data <= 30; data++) await outbox.send(write(data))
    outbox.close()
    const store = fileStore(file())
    const memory = store.load()
    equal(memory.mined.length, 30)
    const mined = memory.mined[0]!
    for (let i = 1; i <= 5000; i++) {
      store.change(memory, { kind: 'mined', mined: { ...mined, atMs: mined.atMs + 1000 * i } })
    }
    store.close()
    ok(memory.mined.length < 1000)
    ok(readFileSync(file(), 'utf8').split('\n').length < 4200)
    deepEqual(fileStore(file()).load(), memory)
  })
})

/** Selector of `AlreadyPosted(uint64)`. */
const ALREADY_POSTED = '15619da9'

function hex(data: number): `0x${string}` {
  return `0x${data.toString(16).padStart(2, '0')}`
}
