import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { encodeAbiParameters, keccak256 } from 'viem'
import type { Contribution } from '../../protocol/datanet.ts'
import { blockOf } from '../../protocol/document.ts'
import { type Hash, keccakHash, toHex, utf8, ZERO_HASH } from '../../protocol/hash.ts'
import { merkleProof, type Payout, sumWay } from '../../protocol/merkle.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import { blockOfBatch, headerOf } from '../../protocol/settlement.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import type { SignedBatch } from '../../worker/chain/calls.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { fundEmbedded } from '../../worker/chain/deploy.ts'
import { saveDeployment } from '../../worker/chain/deployment.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { publishVersion } from '../../worker/datanet/publish.ts'
import {
  EmbeddedChain,
  fineTuneReceipt,
  type Person,
  person,
  signCharge,
  signHeader,
  TERMS,
  WINDOW_SECONDS,
} from '../harness/embedded-chain.ts'
import { type Said, startTributary, tributary, untilSaid } from '../harness/program.ts'

const OPEN = 10n ** 18n
const FEE = OPEN / 10n
const ANSWER_SECONDS = 60
const VALIDATORS = ['validator 1', 'validator 2', 'validator 3'].map(person)
const [ALICE, BOB, WORKER] = ['alice', 'bob', 'worker'].map(person) as [Person, Person, Person]
const PEOPLE: Readonly<Record<string, Person>> = {
  alice: ALICE,
  bob: BOB,
  worker: WORKER,
  one: VALIDATORS[0]!,
  two: VALIDATORS[1]!,
  three: VALIDATORS[2]!,
}

/** One chain and one story, each step a process of its own, as a person would have it. */
describe('what the chain holds, from the command line', () => {
  let chain: EmbeddedChain
  let alice: ChainClient
  let poster: ChainClient
  let node: Server
  const blocks = new Map<string, Uint8Array>()
  const receipts = ['one', 'two'].map((name) => fineTuneReceipt(name, ALICE.account, FEE))
  const adapter = receipts[0]!.output
  const payouts: Payout[] = [WORKER, ...VALIDATORS].map(({ account }) => {
    return { account, cumulativeWei: FEE / 10n }
  })

  before(async () => {
    const parameters = { ...TERMS.parameters, answerSeconds: ANSWER_SECONDS }
    chain = await EmbeddedChain.start({ parameters })
    await saveDeployment(path.join(chain.folder, 'deployment.json'), chain.deployment)
    for (const validator of VALIDATORS) await chain.stake(validator, ['validator'], 10n * OPEN)
    for (const [name, { key }] of Object.entries(PEOPLE)) {
      await chain.clientOf(PEOPLE[name]!)
      await writeFile(path.join(chain.folder, `${name}.key`), toHex(key))
    }
    alice = await chain.clientOf(ALICE)
    poster = await chain.clientOf(VALIDATORS[0]!)
    await alice.deposit(ALICE.account, 2n * OPEN)
    node = await serve(blocks, payouts)
  })

  after(async () => {
    node?.close()
    await chain?.stop()
  })

  /** Posts a batch of both receipts, its data where the node finds it. */
  async function post(number: number): Promise<SignedBatch> {
    const cumulativeWei = BigInt(number) * 2n * FEE
    const charge = { payer: ALICE.account, feeWei: 2n * FEE, cumulativeWei }
    const charges = [signCharge(chain.deployment, ALICE.key, charge)]
    const data = {
      ...{ number, previous: ZERO_HASH, receipts: [...receipts], carries: [], collects: true },
      ...{ charges: charges.map((one) => ({ ...one, payer: ALICE.account })), epoch: chain.epoch },
      pages: [[...payouts].sort((a, b) => (a.account < b.account ? -1 : 1))],
      ...{ proposer: VALIDATORS[0]!.account, strictness: INITIAL_STRICTNESS_THOUSANDTHS },
      ...{ answers: 0, payees: 0 },
    }
    const block = blockOfBatch(data)
    blocks.set(block.cid, block.bytes)
    const batch = signHeader(chain.deployment, headerOf(data), charges, VALIDATORS)
    await poster.postBatch(batch)
    return batch
  }

  describe('tributary model and payout', () => {
    it('name a fee with notice, and hand an adapter on in two steps', async () => {
      match(await failed('model', 'status', adapter), /is not registered on chain 31337/)
      const { header } = await post(1)
      await sleep(1000 * WINDOW_SECONDS + 1500)
      await poster.finaliseBatches([header])
      const proof = merkleProof(receipts.map(receiptLeaf), 0)
      const receipt = receipts[0]!
      await alice.registerModel({ header, receipt, proof, owner: ALICE.account })
      match(
        await failed('model', 'fee', adapter, '0.001', '--key', 'bob.key'),
        /belongs to 0x.*--key/,
      )
      const dear = await failed('model', 'fee', adapter, '0.02', '--key', 'alice.key')
      match(dear, /An owner may ask 0\.01 OPEN a unit at the most/)
      const fee = await json('model', 'fee', adapter, '0.001', '--key', 'alice.key')
      const { feeWei, announced } = await json('model', 'status', adapter)
      deepEqual([feeWei, announced], ['0', { feeWei: `${OPEN / 1000n}`, fromEpoch: fee.fromEpoch }])
      await done('model', 'transfer', adapter, BOB.account, '--key', 'alice.key')
      const early = await failed('model', 'accept', adapter, '--key', 'worker.key')
      match(early, /was not offered to this account/)
      equal((await json('model', 'status', adapter)).owner, ALICE.account)
      await done('model', 'accept', adapter, '--key', 'bob.key')
      equal((await json('model', 'status', adapter)).owner, BOB.account)
      await done('model', 'transfer', adapter, ALICE.account, '--key', 'bob.key')
      await done('model', 'transfer', adapter, '--take-back', '--key', 'bob.key')
      equal((await run('model', 'transfer', adapter, '--key', 'bob.key')).code, 2)
      match(await failed('model', 'accept', adapter, '--key', 'alice.key'), /was not offered/)
    })

    it('have what was earned paid, once', async () => {
      const claim = ['payout', 'claim', WORKER.account, '--key', 'bob.key', '--node', nodeUrl()]
      const { amountWei } = await json(...claim)
      equal(amountWei, `${FEE / 10n}`)
      match(await failed(...claim), /All that this account has earned was paid/)
    })
  })

  describe('tributary dispute', () => {
    before(() => post(2))

    it('asks for a receipt, which is shown', async () => {
      match(await failed('dispute', 'demand', '2', '2', '--key', 'bob.key'), /there is no 2/)
      match(await failed('dispute', 'demand', '1', '0', '--key', 'bob.key'), /Batch 1 is final/)
      match(
        await failed('dispute', 'demand', '3', '0', '--key', 'bob.key'),
        /No batch 3 was posted/,
      )
      const { bondWei } = await json('dispute', 'demand', '2', '0', '--key', 'bob.key')
      equal(bondWei, `${OPEN / 2n}`)
      const early = await failed('dispute', 'foreclose', '2', '0', '--key', 'bob.key')
      match(early, /It may be shown until .* Run this again then/)
      const before = await alice.balanceWei(WORKER.account)
      const shown = await json(
        'dispute',
        'show',
        '2',
        '0',
        '--key',
        'worker.key',
        '--node',
        nodeUrl(),
      )
      equal(shown.jobId, receipts[0]!.jobId)
      ok((await alice.balanceWei(WORKER.account)) > before + OPEN / 5n)
      const { batches } = await json('dispute', 'status')
      deepEqual(
        batches.map(({ number, demands }: { number: number; demands: { state: string }[] }) => {
          return [number, demands.map(({ state }) => state)]
        }),
        [[2, ['shown']]],
      )
      match(await failed('dispute', 'foreclose', '2', '0', '--key', 'bob.key'), /was shown already/)
    })

    it('has a batch judged false whose receipt was not shown', async () => {
      match(await failed('dispute', 'foreclose', '2', '1', '--key', 'bob.key'), /Nobody has asked/)
      await done('dispute', 'demand', '2', '1', '--key', 'bob.key')
      await chain.passTime(ANSWER_SECONDS + 1)
      const before = await alice.balanceWei(BOB.account)
      await done('dispute', 'foreclose', '2', '1', '--key', 'bob.key')
      ok((await alice.balanceWei(BOB.account)) > before + (OPEN * 4n) / 10n)
      match((await run('dispute', 'status', '2')).out, /receipt 1 by 0x.*, withheld/)
    })
  })

  it('have what cases have left an account told of, and paid', async () => {
    // As a jury's decision leaves it: Jury.owedWei, a mapping at slot 4.
    const place = encodeAbiParameters(
      [{ type: 'address' }, { type: 'uint256' }],
      [WORKER.account, 4n],
    )
    const { jury } = chain.deployment.addresses
    await chain.setStorage(jury, keccak256(place), OPEN)
    await fundEmbedded(chain.anvil.url, jury, OPEN)
    match((await run('owed', WORKER.account)).out, /by cases +1 OPEN +tributary dispute withdraw/)
    const { amountWei } = await json('dispute', 'withdraw', '--key', 'worker.key')
    equal(amountWei, `${OPEN}`)
    match(await failed('dispute', 'withdraw', '--key', 'worker.key'), /is owed nothing there/)
    equal((await json('owed', WORKER.account)).casesWei, '0')
  })

  describe('tributary order', () => {
    const jobId = keccakHash(utf8('job'))
    const reached = ['--commitment', keccakHash(utf8('state'))]
    let order: Hash

    it('is opened, and released by signatures or by its requester', async () => {
      const terms = [
        '--payee',
        WORKER.account,
        '--milestone',
        '1',
        '--milestone',
        '2',
        '--milestone',
        '3',
      ]
      equal(
        (await run('order', 'open', jobId, ...terms, '--within', 'soon', '--key', 'alice.key'))
          .code,
        2,
      )
      order = (await done(
        'order',
        'open',
        jobId,
        ...terms,
        '--within',
        '1h',
        '--key',
        'alice.key',
      )) as Hash
      match(await failed('order', 'status', jobId), /There is no order/)
      const signed = ['--milestone', '0', ...reached]
      const one = await done('order', 'approve', order, ...signed, '--key', 'one.key')
      const two = await done('order', 'approve', order, ...signed, '--key', 'two.key')
      const release = ['order', 'release', order, '0', ...reached, '--key', 'worker.key']
      match(await failed(...release), /Only the requester's word/)
      match(
        await failed(...release, '--signature', one),
        /10 OPEN of 30 OPEN, and it takes two thirds/,
      )
      const { amountWei } = await json(...release, '--signature', one, '--signature', two)
      equal(amountWei, `${OPEN}`)
      match(
        await failed(...release, '--signature', one, '--signature', two),
        /0 is released already/,
      )
      await done('order', 'release', order, '1', ...reached, '--key', 'alice.key')
      const owed = await json('owed', WORKER.account)
      equal(owed.ordersWei, `${3n * OPEN}`)
      await done('order', 'withdraw', '--key', 'worker.key')
      match(await failed('order', 'withdraw', '--key', 'worker.key'), /is owed nothing there/)
    })

    it('goes on with another worker, and back to the requester at its end', async () => {
      const heir = ['--takeover', BOB.account]
      equal((await run('order', 'approve', order, '--milestone', '1', '--key', 'one.key')).code, 2)
      const signatures = []
      for (const key of ['one.key', 'three.key']) {
        signatures.push('--signature', await done('order', 'approve', order, ...heir, '--key', key))
      }
      match(await failed('order', 'takeover', order, BOB.account, '--key', 'bob.key'), /two thirds/)
      await done('order', 'takeover', order, BOB.account, ...signatures, '--key', 'bob.key')
      const { payee, round, leftWei } = await json('order', 'status', order)
      deepEqual([payee, round, leftWei], [BOB.account, 1, `${3n * OPEN}`])
      match(
        await failed('order', 'refund', order, '--key', 'bob.key'),
        /What is left goes back from/,
      )
      await chain.passTime(3600)
      await done('order', 'refund', order, '--key', 'bob.key')
      match((await run('owed', ALICE.account)).out, /by orders +3 OPEN +tributary order withdraw/)
    })
  })

  describe('tributary datanet', () => {
    const contributions: Contribution[] = ['buy now', 'a river', 'a lake'].map((text) => {
      return { contributor: WORKER.account, name: `${text}.md`, licence: 'MIT', text }
    })

    before(async () => {
      const { block, shards, manifest } = publishVersion('docs', contributions)
      for (const { cid, bytes } of [block, ...shards]) blocks.set(cid, bytes)
      const { datanetId } = await alice.createDatanet({ name: 'docs', licence: 'MIT' })
      equal(datanetId, 1)
      const { root, contributions: count, totalBytes } = manifest
      await alice.publishDatanet({
        datanetId,
        root,
        count,
        manifest: block.cid,
        totalBytes,
        licence: 'MIT',
      })
    })

    it('is shown with its contributions, and takes bonds', async () => {
      const { out } = await run('datanet', 'show', '1', '--contributions', '--node', nodeUrl())
      match(out, /1, docs \(MIT\), 1 versions/)
      match(out, / 0 {2}0x.* buy now\.md {2}buy now/)
      match(await failed('datanet', 'show', '2'), /There is no datanet 2/)
      match(
        await failed('datanet', 'bond', '1', '0.001', '--key', 'worker.key'),
        /must come to 0\.01 OPEN/,
      )
      equal((await run('datanet', 'bond', '1', '0', '--key', 'worker.key')).code, 2)
      equal((await json('datanet', 'bond', '1', '1', '--key', 'worker.key')).bondWei, `${OPEN}`)
      const standing = await json('datanet', 'standing', '1', WORKER.account)
      deepEqual([standing.bonded, standing.scoreBps], [true, 10_000])
    })

    it('has spam flagged, judged by sealed votes, and paid for', async () => {
      const flag = ['datanet', 'flag', '1', '0', '--key', 'bob.key', '--node', nodeUrl()]
      const { reviewId } = await json(...flag)
      match(await failed(...flag), /was flagged before/)
      const review = (step: string, key: string, ...rest: string[]) => [
        'datanet',
        'review',
        step,
        `${reviewId}`,
        ...rest,
        '--key',
        `${key}.key`,
      ]
      match(await failed(...review('vote', 'bob', '--spam')), /Only validators with stake vote/)
      equal((await run(...review('vote', 'one'))).code, 2)
      await done(...review('vote', 'one', '--spam'))
      await done(...review('vote', 'two', '--spam'))
      await done(...review('vote', 'three', '--clean'))
      match(await failed(...review('vote', 'three', '--spam')), /a vote stands/)
      match(await failed(...review('reveal', 'one')), /That begins at .* Run this again then/)
      await chain.passTime(chain.deployment.parameters.reviewSeconds / 2)
      for (const key of ['one', 'two', 'three']) await done(...review('reveal', key))
      match(await failed(...review('reveal', 'one')), /opened already/)
      const { spamWei, cleanWei } = await json('datanet', 'review', 'status', `${reviewId}`)
      deepEqual([spamWei, cleanWei], [`${20n * OPEN}`, `${10n * OPEN}`])
      await chain.passTime(chain.deployment.parameters.reviewSeconds / 2)
      equal((await json(...review('close', 'bob'))).verdict, 'spam')
      const { bondWei } = await json('datanet', 'standing', '1', WORKER.account)
      equal(bondWei, `${OPEN / 2n}`)
      const { amountWei } = await json('datanet', 'withdraw', '--key', 'bob.key')
      ok(BigInt(amountWei) > OPEN / 10n)
    })

    it('lets a bond go, after its time', async () => {
      match(
        await failed('datanet', 'withdraw', '1', '--key', 'worker.key'),
        /First: tributary datanet leave/,
      )
      await done('datanet', 'leave', '1', '--key', 'worker.key')
      match(
        await failed('datanet', 'withdraw', '1', '--key', 'worker.key'),
        /may be withdrawn from/,
      )
      await chain.passTime(chain.deployment.parameters.reviewSeconds)
      const { amountWei } = await json('datanet', 'withdraw', '1', '--key', 'worker.key')
      equal(amountWei, `${OPEN / 2n}`)
    })

    it('believes no node', async () => {
      const { block } = publishVersion('docs', [contributions[1]!])
      const [held] = [...blocks].find(([, bytes]) => blockOf(bytes).cid !== block.cid)!
      const kept = blocks.get(held)!
      for (const cid of blocks.keys()) blocks.set(cid, block.bytes)
      const flag = ['datanet', 'flag', '1', '1', '--key', 'bob.key', '--node', nodeUrl()]
      match(await failed(...flag), /gave other bytes than/)
      blocks.set(held, kept)
    })
  })

  describe('a write that is cut off', () => {
    const at = VALIDATORS[1]!.account
    const add = ['stake', 'add', '1', at, '--key', 'two.key']
    const stakeWei = async () => BigInt((await json('stake', 'status', at)).stakeWei)

    it('is done once, though the command is given again', async () => {
      const before = await stakeWei()
      const silent = await leavingProxy(chain.anvil.url, 'eth_sendRawTransaction')
      const places = ['--rpc', silent.url, '--deployment', 'deployment.json']
      const child = startTributary(chain.folder, [...add, ...places])
      await silent.left
      const called = untilSaid(child, /Called off\..*the same command goes on/)
      child.kill('SIGINT')
      await called
      silent.close()
      const again = await run(...add)
      equal(again.code, 0, again.err)
      match(again.err, /An earlier run was cut off.*nothing else is sent/)
      equal(await stakeWei(), before + OPEN)
      doesNotMatch((await run(...add)).err, /An earlier run/)
      equal(await stakeWei(), before + 2n * OPEN)
    })

    it('is not called undone where only what came of it cannot be read', async () => {
      const before = await stakeWei()
      const leaving = await leavingProxy(chain.anvil.url, 'eth_getTransactionReceipt')
      const places = ['--rpc', leaving.url, '--deployment', 'deployment.json']
      const { code, err } = await tributary(chain.folder, [...add, ...places])
      leaving.close()
      equal(code, 1)
      match(err, /It is done, by transaction 0x\w{64} in block \d+; do not send it again/)
      equal(await stakeWei(), before + OPEN)
    })
  })

  describe('tributary stake and escrow', () => {
    it('give back what is asked for, after the delay', async () => {
      const at = VALIDATORS[2]!.account
      equal((await json('stake', 'add', '2', at, '--key', 'three.key')).stakeWei, `${12n * OPEN}`)
      match(await failed('stake', 'exit', at, '--key', 'bob.key'), /Name the key of its owner/)
      match(
        await failed('stake', 'withdraw', at, '--key', 'three.key'),
        /First: tributary stake exit/,
      )
      await done('stake', 'exit', at, '--key', 'three.key')
      match(await failed('stake', 'withdraw', at, '--key', 'three.key'), /may be withdrawn from/)
      match(
        await failed('escrow', 'withdraw', '--key', 'alice.key'),
        /First: tributary escrow exit/,
      )
      const { leavingWei } = await json('escrow', 'exit', '0.5', '--key', 'alice.key')
      equal(leavingWei, `${OPEN / 2n}`)
      await chain.passTime(200)
      const withdrawn = await json('stake', 'withdraw', at, '--key', 'three.key')
      equal(withdrawn.amountWei, `${12n * OPEN}`)
      equal((await json('escrow', 'withdraw', '--key', 'alice.key')).amountWei, `${OPEN / 2n}`)
      const { balanceWei } = await json('escrow', 'status', ALICE.account)
      ok(BigInt(balanceWei) <= (OPEN * 13n) / 10n)
      match(await failed('stake', 'status'), /Name the account of one/)
    })
  })

  function nodeUrl(): string {
    return `http://127.0.0.1:${(node.address() as AddressInfo).port}`
  }

  function run(...words: string[]): Promise<Said> {
    const places = ['--rpc', chain.anvil.url, '--deployment', 'deployment.json']
    return tributary(chain.folder, [...words, ...places])
  }

  async function done(...words: string[]): Promise<string> {
    const { code, out, err } = await run(...words)
    equal(code, 0, `${words.join(' ')}: ${err}`)
    return out.trim()
  }

  async function json(...words: string[]) {
    return JSON.parse(await done(...words, '--json'))
  }

  /** What it says where it fails, without ours being the mistake: no line of code shows. */
  async function failed(...words: string[]): Promise<string> {
    const { code, err } = await run(...words)
    equal(code, 1, `${words.join(' ')}: ${err}`)
    equal(/\n {4}at /.test(err), false, err)
    return err
  }
})

/** As much of a node's HTTP interface as these commands ask. */
async function serve(
  blocks: ReadonlyMap<string, Uint8Array>,
  payouts: readonly Payout[],
): Promise<Server> {
  const held = [...payouts].sort((a, b) => (a.account < b.account ? -1 : 1))
  const server = createServer(({ url = '' }, response) => {
    const [, kind, id = ''] = /^\/v1\/(blocks|payouts)\/(\w+)$/.exec(url) ?? []
    const block = blocks.get(id)
    const index = held.findIndex(({ account }) => account === id)
    if (kind === 'blocks' && block) response.end(block)
    else if (kind === 'payouts' && index >= 0) {
      const { path: way, siblings } = sumWay(held, index)
      const cumulativeWei = `${held[index]!.cumulativeWei}`
      response.end(JSON.stringify({ cumulativeWei, path: `${way}`, siblings }))
    } else response.writeHead(404).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** Hands on all questions until it has answered one of this method with a result: then it answers nobody. */
async function leavingProxy(to: string, last: string) {
  let isGone = false
  let leave!: () => void
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  const server = createServer(async (request, response) => {
    const body = await text(request)
    if (isGone) {
      request.socket.destroy()
      return
    }
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(to.replace('ws', 'http'), { method: 'POST', headers, body })
    const said = await answer.text()
    response.writeHead(200, headers).end(said)
    if (JSON.parse(body).method !== last || !JSON.parse(said).result) return
    isGone = true
    leave()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, left, close: () => server.close() }
}
