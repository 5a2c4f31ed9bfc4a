import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { Address } from '../../../protocol/fields.ts'
import { Outbox } from '../../../worker/chain/outbox.ts'
import { fileStore } from '../../../worker/chain/outbox-file.ts'
import { Rpc } from '../../../worker/chain/rpc.ts'
import { sleep } from '../../../worker/chain/wait.ts'
import { FakeChain, FakeError } from '../../harness/fake-chain.ts'
import { testFolder } from '../../harness/folders.ts'

const ACCOUNT = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const TO = `0x${'22'.repeat(20)}` as Address
const RAISE_MS = 60
/** Selector of `AlreadyPosted(uint64)`, and its argument. */
const ALREADY_POSTED = `0x15619da9${'7'.padStart(64, '0')}`

describe('the outbox, when gas has become dearer', () => {
  let chain: FakeChain
  let folder: string
  let rpcs: Rpc[]

  beforeEach(async () => {
    chain = await FakeChain.start()
    folder = testFolder('outbox-fees')
    rpcs = []
  })

  afterEach(async () => {
    for (const rpc of rpcs) rpc.close()
    await chain.stop()
    await rm(folder, { recursive: true })
  })

  function open(patienceMs = 10_000): Outbox {
    const rpc = new Rpc(chain.url, { answerWaitMs: 1000 })
    rpcs.push(rpc)
    const paces = { patienceMs, raiseMs: RAISE_MS, compareMs: 10 }
    const store = fileStore(file())
    return new Outbox({ rpc, chainId: 31_337, account: ACCOUNT, store, ...paces })
  }

  const file = (): string => path.join(folder, 'outbox.log')
  const write = (data: number) => ({ what: `write ${data}`, to: TO, data: hex(data) })
  /** All that was offered for a nonce, each once. */
  const offersOf = (nonce: number) =>
    [...new Set(chain.offered)].map(parsed).filter((one) => one.nonce === nonce)

  /** Three are mined, and two of them taken back while the fee is a hundred times as high. */
  async function forgetTwo(outbox: Outbox): Promise<void> {
    for (const data of [1, 2, 3]) await outbox.send(write(data))
    chain.forget(2)
    chain.baseFeeWei *= 100n
  }

  function refuse(): void {
    chain.overrides.set('eth_call', () => {
      throw new FakeError(3, 'execution reverted', ALREADY_POSTED)
    })
  }

  for (const takesCheap of [true, false]) {
    const pool = takesCheap ? 'keeps' : 'refuses'
    it(`raises what the chain has forgotten, where the pool ${pool} what is too cheap`, async () => {
      const outbox = open()
      await forgetTwo(outbox)
      chain.takesCheap = takesCheap
      await outbox.send(write(4))
      deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
      for (const nonce of [1, 2]) {
        const [first, second, ...more] = offersOf(nonce)
        deepEqual({ ...second, ...feesOf(first!) }, first, 'the same but for the fee')
        ok(second!.maxFeePerGas! >= chain.baseFeeWei)
        ok(second!.maxFeePerGas! * 100n >= first!.maxFeePerGas! * 110n)
        ok(second!.maxPriorityFeePerGas! * 100n >= first!.maxPriorityFeePerGas! * 110n)
        equal(more.length, 0)
      }
    })
  }

  it('raises what an earlier life has sent, too, and goes on from what that life has offered', async () => {
    await forgetTwo(open())
    // Nothing is mined, so it gives up after some raises.
    chain.minesAtOnce = false
    await rejects(open(10 * RAISE_MS).restore(), { code: 'timeout' })
    const before = offersOf(1)
    ok(before.length >= 2)
    await rejects(open(10 * RAISE_MS).restore(), { code: 'timeout' })
    const fees = offersOf(1).map(({ maxFeePerGas }) => maxFeePerGas!)
    ok(fees.length > before.length)
    ok(fees.every((fee, at) => at === 0 || fee * 100n >= fees[at - 1]! * 110n))
    chain.minesAtOnce = true
    chain.mine()
    await open().send(write(4))
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
  })

  it('writes a raise down before it is sent', async () => {
    const outbox = open()
    await forgetTwo(outbox)
    const unwritten: unknown[] = []
    chain.overrides.set('eth_sendRawTransaction', ([raw]) => {
      const { mined, pending } = fileStore(file()).load()
      const signed = [...mined.flatMap((one) => [one, ...(one.attempts ?? [])])]
      const all = [...signed, ...(pending?.attempts ?? [])]
      if (!all.some((one) => one.raw === raw)) unwritten.push(raw)
      return chain.own('eth_sendRawTransaction', [raw])
    })
    await outbox.send(write(4))
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
    deepEqual(unwritten, [])
  })

  it('sends the raised form again where the chain forgets that, too', async () => {
    const outbox = open()
    await forgetTwo(outbox)
    await outbox.send(write(4))
    chain.forget(3)
    const offers = chain.offered.length
    await outbox.restore()
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
    ok(chain.offered.slice(offers).every((raw) => feeOf(raw) >= chain.baseFeeWei))
  })

  it('keeps what was mined again as long as what was mined then', async () => {
    const outbox = open()
    await forgetTwo(outbox)
    const { mined } = fileStore(file()).load()
    const sinceMs = Date.now()
    await outbox.restore()
    const after = fileStore(file()).load().mined
    ok(mined.every(({ atMs }) => atMs <= sinceMs))
    deepEqual(
      after.map(({ atMs }) => atMs >= sinceMs),
      [false, true, true],
    )
  })

  it('waits for a lower fee where a raise cannot be paid', async () => {
    const outbox = open(10 * RAISE_MS)
    await forgetTwo(outbox)
    chain.overrides.set('eth_sendRawTransaction', ([raw]) => {
      if (feeOf(raw as `0x${string}`) < 1000n) return chain.own('eth_sendRawTransaction', [raw])
      throw new FakeError(-32003, 'Insufficient funds for gas * price + value')
    })
    await rejects(outbox.restore(), { code: 'timeout' })
    ok(fileStore(file()).load().mined[1]!.attempts!.length > 0)
    // The pool has forgotten, and the fee has fallen: the cheap one is still there to be sent.
    chain.pool.clear()
    chain.baseFeeWei = 100n
    await outbox.restore()
    deepEqual(chain.minedData, [1, 2, 3].map(hex))
  })

  it('offers more for a transaction under way that the pool refuses as too cheap', async () => {
    chain.takesCheap = false
    chain.overrides.set('eth_sendRawTransaction', ([raw]) => {
      chain.overrides.clear()
      chain.baseFeeWei *= 100n
      return chain.own('eth_sendRawTransaction', [raw])
    })
    await open().send(write(1))
    deepEqual(chain.minedData, [hex(1)])
    equal(offersOf(0).length, 2)
  })

  it('offers more where the nodes that are asked know of nothing before it is mined', async () => {
    // Transactions are handed to the sequencer, and all else is asked of others.
    chain.overrides.set('eth_getTransactionByHash', () => null)
    chain.minesAtOnce = false
    const outbox = open()
    const sent = outbox.send(write(1))
    while (chain.pool.size === 0) await sleep(5)
    chain.baseFeeWei *= 100n
    chain.minesAtOnce = true
    await sent
    deepEqual(chain.minedData, [hex(1)])
  })

  it('pays no more for a call that would be refused, nor for its nonce while nobody waits', async () => {
    chain.minesAtOnce = false
    const outbox = open(5 * RAISE_MS)
    const sent = outbox.send(write(1))
    while (chain.pool.size === 0) await sleep(5)
    refuse()
    await rejects(sent, { code: 'timeout' })
    equal(offersOf(0).length, 1)
    chain.mine()
    await outbox.send(write(2)).catch(() => undefined)
    equal(chain.minedData[0], hex(1))
  })

  it('uses the nonce up by nothing where others wait, and tells why', async () => {
    chain.minesAtOnce = false
    const outbox = open()
    const first = rejects(outbox.send(write(1)), {
      code: 'reverted',
      message: /write 1: AlreadyPosted\(number 7\)/,
    })
    const second = outbox.send(write(2))
    while (chain.pool.size === 0) await sleep(5)
    refuse()
    while (offersOf(0).length < 2) await sleep(5)
    chain.overrides.clear()
    chain.minesAtOnce = true
    chain.mine()
    await first
    await second
    deepEqual(chain.minedData, ['0x', hex(2)])
    const empty = offersOf(0)[1]!
    deepEqual(
      [empty.to, empty.gas, empty.value],
      [ACCOUNT.address.toLowerCase(), 21_000n, undefined],
    )
  })

  it('does so with what the chain has forgotten, unless what it builds on comes back', async () => {
    const outbox = open()
    await forgetTwo(outbox)
    refuse()
    await outbox.send(write(4))
    deepEqual(chain.minedData, [hex(1), '0x', '0x', hex(4)])
  })

  it('asks twice before it lets a call go', async () => {
    const outbox = open()
    await forgetTwo(outbox)
    let asked = 0
    chain.overrides.set('eth_call', () => {
      // Each of the two is refused once.
      if (asked++ % 2 === 0) throw new FakeError(3, 'execution reverted', ALREADY_POSTED)
      return '0x'
    })
    await outbox.send(write(4))
    deepEqual(chain.minedData, [1, 2, 3, 4].map(hex))
    equal(asked, 4)
  })

  it('lets no call go while others of its account come first, on which it may build', async () => {
    const earlier = { type: 'eip1559', chainId: 31_337, nonce: 0, to: TO, data: '0x99' } as const
    const cheap = { gas: 21_000n, maxFeePerGas: 50n, maxPriorityFeePerGas: 1n }
    chain.pool.set(0, await ACCOUNT.signTransaction({ ...earlier, ...cheap }))
    refuse()
    const outbox = open()
    const sent = [1, 2].map((data) => outbox.send(write(data)))
    while (offersOf(1).length < 4) await sleep(5)
    chain.overrides.clear()
    chain.baseFeeWei = 10n
    chain.mine()
    await Promise.all(sent)
    deepEqual(chain.minedData, ['0x99', hex(1), hex(2)])
  })

  it('finishes what an earlier life has replaced by nothing, once', async () => {
    chain.minesAtOnce = false
    const outbox = open()
    const stop = new AbortController()
    const sent = [1, 2].map((data) => rejects(outbox.send(write(data), stop.signal)))
    while (chain.pool.size === 0) await sleep(5)
    refuse()
    while (offersOf(0).length < 2) await sleep(5)
    stop.abort()
    await Promise.all(sent)
    chain.overrides.clear()
    chain.minesAtOnce = true
    chain.mine()
    await open().send(write(3))
    deepEqual(chain.minedData, ['0x', hex(3)])
  })
})

/** Without its signature. */
function parsed(raw: `0x${string}`) {
  const {
    nonce = 0,
    to,
    data,
    gas,
    value,
    maxFeePerGas,
    maxPriorityFeePerGas,
  } = parseTransaction(raw)
  return { nonce, to, data, gas, value, maxFeePerGas, maxPriorityFeePerGas }
}

function feesOf({ maxFeePerGas, maxPriorityFeePerGas }: ReturnType<typeof parsed>) {
  return { maxFeePerGas, maxPriorityFeePerGas }
}

function feeOf(raw: `0x${string}`): bigint {
  return parseTransaction(raw).maxFeePerGas ?? 0n
}

function hex(data: number): `0x${string}` {
  return `0x${data.toString(16).padStart(2, '0')}`
}
