/**
 * The bridge between two real anvils. The test plays what is not there: the derivation of deposits and the proposal of
 * outputs (see `two-chains.ts`). There is no batcher and no fault proof, and the contracts are stand-ins for the
 * originals; the transactions of type 0x7E, their hashes and the storage proofs are what a real chain has.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { encodeFunctionData, type Hex, toFunctionSelector, toHex, zeroAddress } from 'viem'
import { buildProveWithdrawal, getGame, proveWithdrawal } from 'viem/op-stack'
import { type Bridge, connectBridge, type Parcel } from '../../worker/chain/bridge.ts'
import { type DepositView, deposit, viewDeposit } from '../../worker/chain/bridge-deposits.ts'
import { viewWithdrawal, type WithdrawalView } from '../../worker/chain/bridge-withdrawal-views.ts'
import { finalise, prove, withdraw } from '../../worker/chain/bridge-withdrawals.ts'
import { loadBridge } from '../../worker/chain/op-stack.ts'
import { person } from '../harness/embedded-chain.ts'
import { L1_ID, L2_ID, PROOF_AGE_SECONDS, TwoChains } from '../harness/two-chains.ts'

const COIN = 10n ** 18n
const GAS = 200_000n
const traveller = person('traveller')

describe('a bridge', () => {
  let chains: TwoChains
  let bridge: Bridge

  before(async () => {
    chains = await TwoChains.start()
    await chains.fund(traveller.account)
    bridge = await connect()
  })

  after(async () => {
    bridge?.close()
    await chains?.stop()
  })

  describe('to L2', () => {
    it('mints what was deposited, under the hash that follows from the L1', async () => {
      const before = await chains.l2.getBalance({ address: chains.letterboxes.l2 })
      const sent = await deposit(bridge, letter(chains.letterboxes.l2, 'three', 3n * COIN))
      equal(sent.state, 'crossing')
      deepEqual(await chains.derive(), [sent.l2TxHash])
      const arrived = await arrival(sent)
      equal(arrived.state, 'arrived')
      const balance = await chains.l2.getBalance({ address: chains.letterboxes.l2 })
      equal(balance - before, 3n * COIN)
      const { type, typeHex } = await chains.l2.getTransaction({ hash: sent.l2TxHash! })
      deepEqual([type, typeHex], ['deposit', '0x7e'])
      equal(await letterIn('l2'), toHex('three'))
      deepEqual(bridge.transfers.find(sent.txHash)?.kind, 'deposit')
    })

    it('leaves room for the prices of the blocks to come', async () => {
      const { baseFeePerGas } = await chains.l1.getBlock()
      const { txHash } = await deposit(bridge, letter(chains.letterboxes.l2, 'slow', 0n))
      const { gas, maxFeePerGas } = await chains.l1.getTransaction({ hash: txHash })
      const { gasUsed } = await chains.l1.getTransactionReceipt({ hash: txHash })
      ok(gas > (11n * gasUsed) / 10n)
      ok(maxFeePerGas! > (17n * baseFeePerGas!) / 10n)
      await chains.derive()
    })

    it('tells of a call that failed there', async () => {
      const nonsense = { ...letter(chains.letterboxes.l2, '', 0n), data: '0x12345678' as const }
      const sent = await deposit(bridge, nonsense)
      await chains.derive()
      equal((await arrival(sent)).state, 'failed')
    })

    it('sends nothing that the portal refuses', async () => {
      const known = bridge.transfers.all.length
      const parcel = { ...letter(chains.letterboxes.l2, 'cheap', 0n), gas: 1n }
      await rejects(deposit(bridge, parcel), { code: 'reverted', message: /--gas/ })
      equal(bridge.transfers.all.length, known)
    })
  })

  describe('to L1', () => {
    let sent: WithdrawalView

    it('knows no withdrawal of a transaction that is not there', async () => {
      const nowhere = `0x${'77'.repeat(32)}` as WithdrawalView['txHash']
      equal((await viewWithdrawal(bridge, nowhere)).state, 'lost')
      const refusal = { code: 'unknown-transfer', message: /unknown to the L2/ }
      await rejects(prove(bridge, nowhere), refusal)
    })

    it('waits for a dispute game', async () => {
      await chains.l1.setBalance({ address: chains.portal, value: 5n * COIN })
      sent = await withdraw(bridge, letter(chains.letterboxes.l1, 'home', COIN))
      equal(sent.state, 'waiting-to-prove')
      await rejects(prove(bridge, sent.txHash), { code: 'too-early', message: /waiting-to-prove/ })
      await chains.propose()
      equal((await viewWithdrawal(bridge, sent.txHash)).state, 'ready-to-prove')
      const early = { code: 'too-early', message: /Prove it first/ }
      await rejects(finalise(bridge, sent.txHash), early)
    })

    it('proves no message that was not sent', async () => {
      const known = bridge.transfers.find(sent.txHash)
      ok(known?.kind === 'withdrawal' && known.message)
      const forged = { ...known.message, value: 2n * COIN }
      const { proveTxHash: _, ...unproven } = known
      // Of what is noted as proven, the message is not read from the L2 again.
      await bridge.transfers.put({ ...unproven, message: forged, proveTxHash: sent.txHash })
      // Where the forged message's hash leads, the trie is empty.
      const message = new RegExp(toFunctionSelector('RLPInvalidEncoding()'))
      await rejects(prove(bridge, sent.txHash), { code: 'reverted', message })
      await bridge.transfers.put(unproven)
    })

    it('proves once, and goes on after a restart', async () => {
      equal((await prove(bridge, sent.txHash)).state, 'waiting-to-finalise')
      bridge.close()
      bridge = await connect()
      const known = bridge.transfers.find(sent.txHash)
      ok(known?.kind === 'withdrawal' && known.proveTxHash)
      const count = await l1Count()
      const again = await prove(bridge, sent.txHash)
      deepEqual([again.state, again.proveTxHash], ['waiting-to-finalise', known.proveTxHash])
      equal(await l1Count(), count)
    })

    it('delivers once, when the proof has aged', async () => {
      await rejects(finalise(bridge, sent.txHash), {
        code: 'too-early',
        message: /for about \d+ s/,
      })
      await chains.passTime(PROOF_AGE_SECONDS + 1)
      equal((await viewWithdrawal(bridge, sent.txHash)).state, 'ready-to-finalise')
      const done = await finalise(bridge, sent.txHash)
      equal(done.state, 'finalised')
      equal(await letterIn('l1'), toHex('home'))
      equal(await chains.l1.getBalance({ address: chains.letterboxes.l1 }), COIN)
      const writer = await ask('l1', 'sender')
      equal(String(writer).toLowerCase(), traveller.account)
      const count = await l1Count()
      equal((await finalise(bridge, sent.txHash)).state, 'finalised')
      equal(await l1Count(), count)
    })

    it('finalises what another account has proven', async () => {
      const carried = await withdraw(bridge, letter(chains.letterboxes.l1, 'by hand', 0n))
      await chains.propose()
      await prove(bridge, carried.txHash)
      await chains.passTime(PROOF_AGE_SECONDS + 1)
      const other = await connect('porter')
      try {
        await chains.fund(person('porter').account)
        equal((await finalise(other, carried.txHash)).state, 'finalised')
      } finally {
        other.close()
      }
      equal(await letterIn('l1'), toHex('by hand'))
    })

    it('proves by a game that claims this L2, whatever newer ones claim', async () => {
      const { txHash } = await withdraw(bridge, letter(chains.letterboxes.l1, 'true', 0n))
      const { number } = await chains.l2.getBlock()
      await chains.propose()
      await chains.claim(number, `0x${'66'.repeat(32)}`)
      await chains.claim(number + 1_000_000n, `0x${'66'.repeat(32)}`)
      equal((await prove(bridge, txHash)).state, 'waiting-to-finalise')
      const lone = await withdraw(bridge, letter(chains.letterboxes.l1, 'alone', 0n))
      await chains.claim((await chains.l2.getBlock()).number, `0x${'66'.repeat(32)}`)
      const refusal = { code: 'false-games', message: /none of the 2 dispute games.*claims the L2/ }
      await rejects(prove(bridge, lone.txHash), refusal)
    })

    it('is delivered by an aged proof, though another has proven it anew', async () => {
      const { txHash } = await withdraw(bridge, letter(chains.letterboxes.l1, 'aged', 0n))
      await chains.propose()
      const before = await viewWithdrawal(bridge, txHash)
      await prove(bridge, txHash)
      await chains.passTime(PROOF_AGE_SECONDS + 1)
      const meddler = await connect('meddler')
      try {
        await chains.fund(meddler.account)
        await proveAnew(meddler, before)
      } finally {
        meddler.close()
      }
      equal((await viewWithdrawal(bridge, txHash)).state, 'ready-to-finalise')
      equal((await finalise(bridge, txHash)).state, 'finalised')
    })

    it('does not take what was only looked at for a transfer from here', async () => {
      const { txHash } = await withdraw(bridge, letter(chains.letterboxes.l1, 'seen', 0n))
      const other = await connect('onlooker')
      ok((await viewWithdrawal(other, txHash)).message)
      deepEqual(other.transfers.all, [])
      other.close()
    })

    it('says when the target refuses what is delivered', async () => {
      const nonsense = { ...letter(chains.letterboxes.l1, '', 0n), data: '0x12345678' as const }
      const { txHash } = await withdraw(bridge, nonsense)
      await chains.propose()
      await prove(bridge, txHash)
      await chains.passTime(PROOF_AGE_SECONDS + 1)
      const refusal = { code: 'reverted', message: /is delivered, and for good, but 0x\w+ refused/ }
      await rejects(finalise(bridge, txHash), refusal)
      equal((await viewWithdrawal(bridge, txHash)).state, 'finalised')
    })

    it('does not send what cannot be paid', async () => {
      const poor = await connect('pauper')
      const parcel = letter(chains.letterboxes.l1, 'please', COIN)
      await rejects(withdraw(poor, parcel), { code: 'insufficient-funds' })
      equal(poor.transfers.all.length, 0)
      poor.close()
    })

    it('does not send a value that nobody could be given', async () => {
      const nonce = await chains.l2.getTransactionCount({ address: traveller.account })
      for (const to of [chains.portal, chains.letterboxes.l1]) {
        const parcel: Parcel = { to, valueWei: COIN, data: '0x', gas: GAS }
        await rejects(withdraw(bridge, parcel), { code: 'value-refused', message: /--to/ })
      }
      equal(await chains.l2.getTransactionCount({ address: traveller.account }), nonce)
    })

    it('knows a transaction that withdraws nothing', async () => {
      const { transactionHash } = await chains.l2.sendTransactionSync({ to: zeroAddress })
      const txHash = transactionHash as WithdrawalView['txHash']
      await rejects(viewWithdrawal(bridge, txHash), { code: 'unknown-transfer' })
    })
  })

  describe('whose connection breaks as a transaction is sent', () => {
    it('knows of it afterwards, and takes no step twice', async () => {
      const file = await loadBridge(chains.bridgeFile)
      const breaking = await breakingProxy(chains.l1.transport.url!)
      const cut = await connectTo({ ...file, l1: { ...file.l1, rpc: breaking.url } }, 'fey')
      const whole = await connect('fey')
      try {
        const { account } = person('fey')
        await chains.fund(account)
        const parcel = letter(chains.letterboxes.l2, 'cut off', 0n)
        await rejects(deposit(cut, parcel), { code: 'unreachable' })
        const [noted] = cut.transfers.all
        ok(noted)
        await whole.l1.mined(noted.txHash)
        const sent = await withdraw(cut, letter(chains.letterboxes.l1, 'cut off', 0n))
        await chains.propose()
        await rejects(prove(cut, sent.txHash), { code: 'unreachable' })
        const again = await connect('fey')
        equal((await viewDeposit(again, noted.txHash)).state, 'crossing')
        equal((await prove(again, sent.txHash)).state, 'waiting-to-finalise')
        equal(await chains.l1.getTransactionCount({ address: account }), 2)
        again.close()
      } finally {
        cut.close()
        whole.close()
        await breaking.close()
      }
    })
  })

  describe('of a chain with a gas token of its own', () => {
    before(async () => {
      await chains.setCustomGasToken(true)
      await chains.usePortal(true)
      bridge.close()
      bridge = await connect()
    })

    it('refuses value before anything is sent, as the contracts would', async () => {
      const [toL2, toL1] = [chains.letterboxes.l2, chains.letterboxes.l1]
      const count = await l1Count()
      const refusal = { code: 'value-refused', message: /lockbox/ }
      await rejects(deposit(bridge, letter(toL2, 'rich', 1n)), refusal)
      await rejects(withdraw(bridge, letter(toL1, 'rich', 1n)), refusal)
      equal(await l1Count(), count)
      const args = [toL2, 1n, GAS, false, '0x']
      const { abi } = chains.contract('Portal')
      const call = {
        address: chains.portal,
        abi,
        functionName: 'depositTransaction',
        args,
        value: 1n,
      }
      await rejects(chains.l1.simulateContract(call), /NotAllowedOnCGTMode/)
    })

    it('carries messages without value both ways', async () => {
      const sent = await deposit(bridge, letter(chains.letterboxes.l2, 'hello', 0n))
      await chains.derive()
      equal((await arrival(sent)).state, 'arrived')
      equal(await letterIn('l2'), toHex('hello'))
      const answer = await withdraw(bridge, letter(chains.letterboxes.l1, 'hello back', 0n))
      await chains.propose()
      await prove(bridge, answer.txHash)
      await chains.passTime(PROOF_AGE_SECONDS + 1)
      equal((await finalise(bridge, answer.txHash)).state, 'finalised')
      equal(await letterIn('l1'), toHex('hello back'))
    })
  })

  describe('that is not what its file says', () => {
    it('is told by its chain id', async () => {
      const file = await loadBridge(chains.bridgeFile)
      const swapped = { ...file, l1: { ...file.l1, rpc: file.l2.rpc } }
      const message = new RegExp(`is chain ${L2_ID}, and the bridge file says that L1 is ${L1_ID}`)
      await rejects(connectTo(swapped), { code: 'wrong-chain', message })
    })

    it('is told by its contracts', async () => {
      const file = await loadBridge(chains.bridgeFile)
      const contracts = { ...file.contracts, portal: zeroAddress }
      await rejects(connectTo({ ...file, contracts }), {
        code: 'wrong-chain',
        message: /no portal/,
      })
    })

    it('is told by its silence', async () => {
      const file = await loadBridge(chains.bridgeFile)
      const rpc = `http://127.0.0.1:${await freePort()}`
      const silent = { ...file, l2: { ...file.l2, rpc } }
      await rejects(connectTo(silent), { code: 'unreachable', message: new RegExp(rpc) })
    })
  })

  async function connect(name = 'traveller'): Promise<Bridge> {
    return await connectTo(await loadBridge(chains.bridgeFile), name)
  }

  function connectTo(file: Awaited<ReturnType<typeof loadBridge>>, name = 'traveller') {
    const dataFolder = path.join(chains.folder, name)
    return connectBridge({ file, privateKey: person(name).key, dataFolder })
  }

  function letter(to: Hex, text: string, valueWei: bigint): Parcel {
    const onL1 = to === chains.letterboxes.l1
    const args = [onL1 ? chains.portal : zeroAddress, toHex(text)]
    const { abi } = chains.contract('Letterbox')
    return { to, valueWei, gas: GAS, data: encodeFunctionData({ abi, functionName: 'drop', args }) }
  }

  /** anvil mines what it was sent in a moment; until then a deposit is on its way. */
  async function arrival(sent: DepositView): Promise<DepositView> {
    for (;;) {
      const view = await viewDeposit(bridge, sent.txHash)
      if (view.state !== 'crossing') return view
    }
  }

  /** As anybody may do with whatever was sent. */
  async function proveAnew({ l1, l2, targetChain }: Bridge, { message, l2Block }: WithdrawalView) {
    ok(message && l2Block)
    const game = await getGame(l1.client, { targetChain, l2BlockNumber: l2Block.number })
    const proof = await buildProveWithdrawal(l2.client, { game, withdrawal: message })
    const { l2OutputIndex, outputRootProof, withdrawalProof, withdrawal } = proof
    const args = { l2OutputIndex, outputRootProof, withdrawalProof, withdrawal }
    const { account } = l1.client
    await l1.mined(await proveWithdrawal(l1.client, { targetChain, account, ...args }))
  }

  function ask(side: 'l1' | 'l2', functionName: string): Promise<unknown> {
    const { abi } = chains.contract('Letterbox')
    return chains[side].readContract({ address: chains.letterboxes[side], abi, functionName })
  }

  function letterIn(side: 'l1' | 'l2'): Promise<unknown> {
    return ask(side, 'letter')
  }

  function l1Count(): Promise<number> {
    return chains.l1.getTransactionCount({ address: traveller.account })
  }
})

/** Hands on every question, and loses the answer to each transaction. */
async function breakingProxy(to: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createHttpServer(async (request, response) => {
    const body = await text(request)
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(to, { method: 'POST', headers, body })
    if (body.includes('eth_sendRawTransaction')) return request.socket.destroy()
    return response.writeHead(200, headers).end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const place = server.address()
  ok(place && typeof place === 'object')
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${place.port}`, close }
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const place = server.address()
  await new Promise((resolve) => server.close(resolve))
  ok(place && typeof place === 'object')
  return place.port
}
