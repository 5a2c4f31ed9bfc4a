import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { InvalidArgumentError } from 'commander'
import { type Contribution, contributionLeaf, DatanetManifest } from '../../../protocol/datanet.ts'
import type { Address } from '../../../protocol/fields.ts'
import { keccakHash, utf8 } from '../../../protocol/hash.ts'
import { merkleVerify } from '../../../protocol/merkle.ts'
import { reviewSalt } from '../../../worker/chain/review-salt.ts'
import {
  account,
  collected,
  contentId,
  counted,
  hash,
  open,
  openOrNothing,
  place,
} from '../../../worker/cli/arguments.ts'
import { Client, ClientError } from '../../../worker/cli/client.ts'
import { fetchDocument, placedContribution } from '../../../worker/cli/documents.ts'
import { duration } from '../../../worker/cli/durations.ts'
import { plainText } from '../../../worker/cli/output.ts'
import { publishVersion } from '../../../worker/datanet/publish.ts'
import { DEPLOYMENT } from '../../harness/chain-logs.ts'

const refused = (read: (text: string) => unknown, ...texts: string[]): void => {
  for (const text of texts) throws(() => read(text), InvalidArgumentError, text)
}

describe('words of strangers', () => {
  it('move no cursor and write nowhere else, and are the same but for that', () => {
    const prose = 'Zwölf\tBoxkämpfer 👩\u200d🌾,\nविन्ध्य'
    equal(plainText(prose), prose)
    equal(plainText('a\u001b[2Jb\u001b]52;c;Zm9v\u0007\u202Ec\r\u009bd'), 'a[2Jb]52;c;Zm9vcd')
  })
})

describe('words on the command line', () => {
  it('are amounts, numbers, accounts and times, or refused', () => {
    equal(open('0.5'), 5n * 10n ** 17n)
    equal(open('0.000000000000000001'), 1n)
    refused(open, '0', '0.0', '-1', '1e3', '1,5', '', '0.0000000000000000001', '1 OPEN')
    equal(openOrNothing('0'), 0n)
    refused(openOrNothing, '', '-1')
    deepEqual([counted('7'), place('0')], [7, 0])
    refused(counted, '0', '01', '1.5', 'x', '1'.repeat(16))
    refused(place, '-1', '1.5', '')
    equal(account(`0x${'AB'.repeat(20)}`), `0x${'ab'.repeat(20)}`)
    refused(account, '0x12', 'vitalik.eth')
    const checked = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    equal(account(checked), checked.toLowerCase())
    // Two digits that have changed places.
    refused(account, '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAde')
    equal(hash(`0x${'AB'.repeat(32)}`), `0x${'ab'.repeat(32)}`)
    refused(hash, `0x${'ab'.repeat(31)}`)
    refused(contentId, 'Qm123', '../etc', '')
    deepEqual(
      [duration('30min'), duration('12h'), duration('3d')],
      [1_800_000, 43_200_000, 259_200_000],
    )
    refused(duration, '0h', '3', 'h', '3 d', '3m')
    deepEqual(collected('b,c', ['a']), ['a', 'b', 'c'])
  })
})

describe('a document that a node gives', () => {
  const contributions: Contribution[] = ['one', 'two', 'three'].map((text) => {
    return { contributor: `0x${'0a'.repeat(20)}` as Address, name: text, licence: 'MIT', text }
  })
  const { block, shards, manifest } = publishVersion('docs', contributions)
  const version = {
    version: 1,
    root: manifest.root,
    contributions: 3,
    manifest: block.cid,
    licence: '',
  }

  /** A node that gives these bytes for what it is asked. */
  function nodeWith(held: ReadonlyMap<string, Uint8Array>): Client {
    const bytes = async (asked: string) => held.get(asked.replace('/blocks/', ''))!
    return Object.assign(new Client('http://node'), { bytes })
  }

  const honest = new Map([block, ...shards].map(({ cid, bytes }) => [`${cid}`, bytes]))

  it('is compared with its content id, and read as what it should be', async () => {
    deepEqual(await fetchDocument(nodeWith(honest), DatanetManifest, block.cid), manifest)
    const liar = new Map([[`${block.cid}`, shards[0]!.bytes]])
    await rejects(fetchDocument(nodeWith(liar), DatanetManifest, block.cid), /gave other bytes/)
    const shard = shards[0]!.cid
    await rejects(fetchDocument(nodeWith(honest), DatanetManifest, shard), /is no datanet manifest/)
  })

  it('gives a contribution with its place under the root on the chain', async () => {
    const { contribution, proof } = await placedContribution(nodeWith(honest), version, 1)
    equal(contribution.text, 'two')
    equal(merkleVerify(manifest.root, 3, contributionLeaf(contribution), proof), true)
    const beyond = placedContribution(nodeWith(honest), version, 3)
    await rejects(beyond, /has 3 contributions, numbered from 0: there is no 3/)
    const other = { ...version, root: keccakHash(utf8('other')) }
    await rejects(placedContribution(nodeWith(honest), other, 1), ClientError)
    const more = { ...version, contributions: 4 }
    await rejects(placedContribution(nodeWith(honest), more, 1), /other than the 4 contributions/)
  })
})

describe('the salt of a sealed vote', () => {
  it('is one for each key, review, registry and chain, and always the same', () => {
    const key = Uint8Array.from({ length: 32 }, () => 7)
    const salt = reviewSalt(DEPLOYMENT, key, 1)
    match(salt, /^0x[0-9a-f]{64}$/)
    const { addresses, chainId } = DEPLOYMENT
    const moved = { ...addresses, datanetRegistry: addresses.jury }
    const others = [
      reviewSalt(DEPLOYMENT, key, 2),
      reviewSalt(
        DEPLOYMENT,
        Uint8Array.from(key, (byte) => byte + 1),
        1,
      ),
      reviewSalt({ ...DEPLOYMENT, chainId: chainId + 1 }, key, 1),
      reviewSalt({ ...DEPLOYMENT, addresses: moved }, key, 1),
    ]
    equal(new Set([salt, ...others]).size, 5)
    equal(reviewSalt(DEPLOYMENT, key, 1), salt)
  })
})
