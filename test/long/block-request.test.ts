import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { lpStream } from '@libp2p/utils'
import { after, before, describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import { Prompt } from '../../protocol/answer.ts'
import { askForBlock } from '../../worker/network/block-request.ts'
import { PROMPT, within } from '../compliance/content.ts'
import { Peers, type TestPeer, until } from '../harness/peers.ts'

const BITSWAP = ['/ipfs/bitswap/1.2.0', '/ipfs/bitswap/1.1.0', '/ipfs/bitswap/1.0.0']
const OURS = '/tributary/block/3.0.0'
/** What who has a block says first. */
const HERE = Uint8Array.of(1)
/** What comes before a block of so many bytes. */
const head = (bytes: number): Uint8Array =>
  Uint8Array.of(...[24, 16, 8, 0].map((by) => (bytes >>> by) & 0xff))
const FORGED = Prompt.encode({ ...PROMPT, text: 'forged' }).bytes

describe('blocks asked of one neighbour', () => {
  const peers = new Peers()
  let owner: TestPeer
  let reader: TestPeer
  let liar: TestPeer

  before(async () => {
    owner = await peers.start(1)
    reader = await peers.start(2)
    liar = await peers.start(3)
    await peers.acquainted()
  })

  after(() => peers.stop())

  const stored = async (text: string) => {
    const block = Prompt.encode({ ...PROMPT, text })
    await owner.content.put(Prompt, { ...PROMPT, text })
    return { ...block, cid: CID.parse(block.cid) }
  }

  const ask = (from: TestPeer, cid: CID) =>
    askForBlock(reader.peer, from.peer.libp2p.peerId, cid, within(10_000).signal)

  it('are handed over where they are there, and only then', async () => {
    const { cid, bytes } = await stored('here')
    assert.deepEqual(Buffer.from((await ask(owner, cid))!), Buffer.from(bytes))
    assert.equal(await ask(liar, cid), undefined)
    assert.ok(!(await liar.peer.blockstore.has(cid)), 'fetched for another')
  })

  it('may be asked of one that lacks them as often as one likes', async () => {
    for (let number = 0; number < 100; number++) {
      const { cid } = Prompt.encode({ ...PROMPT, text: `unknown ${number}` })
      assert.equal(await ask(owner, CID.parse(cid)), undefined)
    }
    const left = () => reader.peer.libp2p.getConnections(owner.peer.libp2p.peerId)
    const open = () => left().flatMap(({ streams }) => streams.filter((s) => s.protocol === OURS))
    await until(() => open().length === 0, 5000)
  })

  it('are not sent to who does not take them, and the next is given then', async () => {
    const { cid } = await stored('offered')
    const declined = () =>
      askForBlock(
        reader.peer,
        owner.peer.libp2p.peerId,
        cid,
        within(10_000).signal,
        undefined,
        () => false,
      )
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(declined)), Array(4).fill(undefined))
    assert.ok(await ask(owner, cid))
  })

  it('are given though two are held up by who takes nothing', async () => {
    const { cid } = await stored('held up')
    for (let time = 0; time < 2; time++) {
      const stream = await liar.peer.libp2p.dialProtocol(owner.peer.libp2p.peerId, OURS)
      await lpStream(stream).write(cid.bytes)
    }
    assert.ok(await ask(owner, cid))
  })

  const says = (answer: (framed: ReturnType<typeof lpStream>) => Promise<void>) =>
    liar.peer.libp2p.handle(OURS, (stream) => answer(lpStream(stream)), { force: true })

  const lie = () =>
    says(async (framed) => {
      await framed.read()
      await framed.write(HERE)
      await framed.write(head(FORGED.length))
      await framed.write(FORGED)
    })

  describe('that lies, is silent, or says too much', () => {
    it('are taken only if they hash to their id', async () => {
      const { cid } = await stored('true')
      await lie()
      await assert.rejects(ask(liar, cid), { code: 'protocol' })
    })

    it('are bounded', async () => {
      const { cid } = await stored('small')
      await says(async (framed) => {
        await framed.read()
        await framed.write(HERE)
        await framed.write(head(5 * 1024 * 1024))
      })
      await assert.rejects(ask(liar, cid), /promised a block of 5242880 bytes; the most is/)
      await says(async (framed) => {
        await framed.read()
        await framed.write(HERE)
        await framed.write(head(10))
        await framed.write(new Uint8Array(11))
      })
      await assert.rejects(ask(liar, cid), /A part of 11 bytes came at 0 of 10/)
      await says(async (framed) => {
        await framed.read()
        await framed.write(HERE)
        await framed.write(Uint8Array.of(1))
      })
      await assert.rejects(ask(liar, cid), { code: 'protocol' })
    })

    it('are waited for no longer than they are wanted', async () => {
      const { cid } = await stored('patience')
      await says(async (framed) => void (await framed.read()))
      const stop = new AbortController()
      const begunMs = performance.now()
      const asked = askForBlock(reader.peer, liar.peer.libp2p.peerId, cid, stop.signal)
      setTimeout(() => stop.abort(new Error('enough')), 100)
      await assert.rejects(asked)
      assert.ok(performance.now() - begunMs < 9000, 'it waited for ever')
    })
  })

  describe('where bitswap is silent', () => {
    before(async () => {
      await owner.peer.libp2p.unhandle(BITSWAP)
      await lie()
    })

    it('bring a file all the same, past a neighbour that lies', async () => {
      const file = randomBytes(2_500_000)
      const cid = await owner.content.putFile(file)
      const got = await reader.content.getFile(cid, file.length, within(40_000))
      assert.ok(file.equals(got))
    })

    it('bring one past a neighbour that is silent', async () => {
      await says(async (framed) => void (await framed.read()))
      const file = randomBytes(2_500_000)
      const cid = await owner.content.putFile(file)
      const got = await reader.content.getFile(cid, file.length, within(40_000))
      assert.ok(file.equals(got))
    })
  })
})
