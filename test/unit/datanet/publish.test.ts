import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { type Contribution, DatanetManifest, Shard } from '../../../protocol/datanet.ts'
import type { Cid } from '../../../protocol/fields.ts'
import { DatanetError, type DatanetErrorCode } from '../../../worker/datanet/errors.ts'
import {
  fetchVersion,
  publishVersion,
  readManifest,
  readVersion,
} from '../../../worker/datanet/publish.ts'
import { ACCOUNT, stream, words } from './texts.ts'

const contributions: Contribution[] = Array.from({ length: 60 }, (_, i) => ({
  contributor: ACCOUNT,
  name: `text ${i}`,
  licence: 'MIT',
  text: words(`published ${i}`, 40 + 60 * i).join(i % 2 === 0 ? ' ' : ' é '),
}))

const refuses = (act: () => unknown, ...codes: DatanetErrorCode[]): void =>
  assert.throws(act, (error) => error instanceof DatanetError && codes.includes(error.code))

describe('datanet version', () => {
  const version = publishVersion('texts', contributions)
  const shards = version.shards.map(({ bytes }) => bytes)

  it('comes back as it was published', () => {
    assert.ok(shards.length > 1)
    const manifest = readManifest(version.block.bytes)
    assert.deepEqual(manifest, version.manifest)
    assert.deepEqual(readVersion(manifest, shards), contributions)
  })

  it('keeps shards small, but for a contribution that is larger alone', () => {
    assert.ok(shards.every((bytes) => bytes.length <= 512 * 1024))
    const large = { ...contributions[0]!, text: '語'.repeat(256 * 1024) }
    const { manifest, shards: blocks } = publishVersion('large', [
      large,
      ...contributions.slice(1, 3),
    ])
    assert.deepEqual(
      manifest.shards.map((shard) => shard.contributions),
      [1, 2],
    )
    assert.equal(
      readVersion(
        manifest,
        blocks.map(({ bytes }) => bytes),
      ).length,
      3,
    )
  })

  it('is the same each time, and another for another order', () => {
    assert.equal(publishVersion('texts', contributions).block.cid, version.block.cid)
    const turned = publishVersion('texts', [...contributions].reverse())
    assert.notEqual(turned.manifest.root, version.manifest.root)
  })

  it('refuses to publish nothing, or what breaks the schema', () => {
    refuses(() => publishVersion('none', []), 'bad-size')
    refuses(() => publishVersion('', contributions), 'bad-size')
    const bad = [
      { text: '' },
      { name: '' },
      { licence: 'x'.repeat(129) },
      { contributor: '0x1' },
      { name: 'a\u001b[2J' },
      { licence: 'MIT\u202e' },
    ]
    for (const part of bad) {
      const broken = { ...contributions[0], ...part } as Contribution
      refuses(() => publishVersion('broken', [contributions[1]!, broken]), 'bad-contribution')
    }
  })

  it('is refused where a shard is missing, changed, cut or in another place', () => {
    const { manifest } = version
    refuses(() => readVersion(manifest, shards.slice(1)), 'bad-shard')
    refuses(() => readVersion(manifest, [...shards, shards[0]!]), 'bad-shard')
    refuses(() => readVersion(manifest, [...shards].reverse()), 'bad-shard')
    const source = stream('flips')
    for (let i = 0; i < 40; i++) {
      const which = source.below(shards.length)
      const changed = shards[which]!.slice()
      changed[source.below(changed.length)]! ^= 1 << source.below(8)
      refuses(() => readVersion(manifest, shards.with(which, changed)), 'bad-shard')
      const cut = shards[which]!.subarray(0, source.below(shards[which]!.length))
      refuses(() => readVersion(manifest, shards.with(which, cut)), 'bad-shard')
    }
  })

  it('is refused where the manifest lies, even with shards to match', () => {
    const { manifest } = version
    const lies = [
      { totalBytes: manifest.totalBytes + 1 },
      { contributions: manifest.contributions - 1 },
      { shards: manifest.shards.slice(1) },
    ]
    for (const lie of lies) {
      refuses(
        () => readManifest(DatanetManifest.encode({ ...manifest, ...lie }).bytes),
        'bad-manifest',
      )
    }
    const other = publishVersion('texts', contributions.slice(1))
    const root = { ...other.manifest, root: manifest.root }
    refuses(
      () =>
        readVersion(
          root,
          other.shards.map(({ bytes }) => bytes),
        ),
      'wrong-root',
    )
    const counts = manifest.shards.map((shard, i) => ({
      ...shard,
      contributions: shard.contributions + (i === 0 ? 1 : 0),
    }))
    refuses(() => readVersion({ ...manifest, shards: counts }, shards), 'bad-shard')
    const swapped = Shard.encode({ contributions: contributions.slice(0, 2) })
    const entry = { cid: swapped.cid, bytes: swapped.bytes.length, contributions: 2 }
    refuses(() => readVersion({ ...manifest, shards: [entry] }, [swapped.bytes]), 'wrong-root')
  })

  it('refuses a manifest of more than a node can read, before it asks for any of it', async () => {
    const shard = { cid: version.shards[0]!.cid, bytes: 2 * 1024 * 1024, contributions: 1 }
    const named = (times: number) =>
      DatanetManifest.encode({
        ...{ name: 'much', root: version.manifest.root, contributions: times },
        ...{ shards: Array(times).fill(shard), totalBytes: times * shard.bytes },
      })
    readManifest(named(128).bytes)
    for (const { cid, bytes } of [named(129), named(4096)]) {
      const asked: Cid[] = []
      const fetched = fetchVersion(cid, async (part) => {
        asked.push(part)
        return bytes
      })
      await assert.rejects(fetched, { code: 'bad-size' })
      assert.deepEqual(asked, [cid])
    }
  })

  it('asks for no more shards once one is larger than the manifest says', async () => {
    const shard = { cid: version.shards[0]!.cid, bytes: 1, contributions: 1 }
    const { cid, bytes } = DatanetManifest.encode({
      ...{ name: 'lies', root: version.manifest.root, contributions: 4096, totalBytes: 4096 },
      shards: Array(4096).fill(shard),
    })
    let asked = 0
    const fetched = fetchVersion(cid, async (part) => {
      if (part === cid) return bytes
      asked += 1
      return shards[0]!
    })
    await assert.rejects(fetched, { code: 'bad-shard' })
    assert.ok(asked < 10, `${asked} shards were asked for`)
  })

  it('refuses any damaged manifest with a word of its own', () => {
    const { bytes } = version.block
    const source = stream('manifest')
    for (let i = 0; i < 300; i++) {
      const changed = bytes.slice(0, i % 2 === 0 ? bytes.length : source.below(bytes.length))
      if (changed.length > 0) changed[source.below(changed.length)]! ^= 1 << source.below(8)
      try {
        // A flipped letter of the name or of a hash still makes a manifest: then its shards do not fit.
        const manifest = readManifest(changed)
        if (manifest.name === version.manifest.name) readVersion(manifest, shards)
      } catch (error) {
        assert.ok(error instanceof DatanetError, `${error}`)
      }
    }
  })
})
