import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'mocha'
import { type HoldUps, Uplink, Way } from '../../bench/transfer/lines.ts'
import { Peers, type TestPeer } from '../harness/peers.ts'

const MIB = 1024 * 1024

interface Line {
  readonly name: string
  readonly bytesASecond: number
  readonly mebibytes: number
  readonly holdUps?: HoldUps
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
    const uplink = new Uplink(slow.bytesASecond, slow.holdUps)
    let way: Way
    const peers = new Peers()
    let owner: TestPeer
    let reader: TestPeer

    before(async () => {
      owner = await peers.start(1, [])
      reader = await peers.start(2, [])
      const [address] = owner.peer.libp2p.getMultiaddrs()
      const [opened, along] = await Way.open(address!, new Uplink(Number.POSITIVE_INFINITY), uplink)
      way = opened
      await reader.peer.libp2p.dial(along)
    })

    after(async () => {
      way[Symbol.dispose]()
      await peers.stop()
    })

    it('comes whole, and at most one block twice', async () => {
      const file = randomBytes(slow.mebibytes * MIB)
      const cid = await owner.content.putFile(file)
      const signal = AbortSignal.timeout(110_000)
      const got = await reader.content.getFile(cid, file.length, { signal })
      assert.ok(file.equals(got))
      const most = 1.05 * file.length + MIB
      assert.ok(uplink.bytes < most, `${uplink.bytes} bytes came for ${file.length}`)
    })
  })
}
