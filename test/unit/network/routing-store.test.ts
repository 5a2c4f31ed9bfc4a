import { deepEqual, equal, rejects } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Key } from 'interface-datastore'
import { RoutingStore } from '../../../worker/network/routing-store.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'

const SELF = 'self'

describe('what libp2p keeps on the disk', () => {
  let folder: string
  beforeEach(() => {
    folder = testFolder('routing')
  })
  afterEach(() => removeFolder(folder))

  const key = (name: string) => new Key(name)
  const told = (peer: string, content: number) => key(`/dht/provider/content${content}/${peer}`)

  async function opened(): Promise<RoutingStore> {
    const store = new RoutingStore(folder, SELF, 10)
    await store.open()
    return store
  }

  async function namesIn(store: RoutingStore): Promise<string[]> {
    const names: string[] = []
    for await (const held of store.queryKeys({})) names.push(held.toString())
    return names.sort()
  }

  it('may be deleted where its files are damaged, and says so', async () => {
    const store = await opened()
    await store.close()
    writeFileSync(join(folder, 'CURRENT'), 'nothing')
    await rejects(opened(), { name: 'StorageError', message: /cannot be opened.*delete it/ })
  })

  it('has so many places for what others tell, and whoever fills them loses its own oldest', async () => {
    const store = await opened()
    const value = Uint8Array.of(1)
    await store.put(told('honest', 1), value)
    for (let content = 0; content < 50; content++) await store.put(told('flooding', content), value)
    await store.put(told('other', 2), value)
    const names = await namesIn(store)
    equal(names.length, 10)
    deepEqual(
      names.filter((name) => !name.endsWith('flooding')),
      ['/dht/provider/content1/honest', '/dht/provider/content2/other'],
    )
    // Said again it is the newest.
    await store.put(told('flooding', 42), value)
    await store.put(told('honest', 3), value)
    equal((await namesIn(store)).includes('/dht/provider/content42/flooding'), true)
    equal((await namesIn(store)).length, 10)
    await store.close()
  })

  it('makes room once for each of many that come at once', async () => {
    const store = await opened()
    const value = Uint8Array.of(1)
    for (let peer = 0; peer < 10; peer++) await store.put(told(`old${peer}`, peer), value)
    const remove = store.db.del.bind(store.db)
    let removed = 0
    store.db.del = (name: string) => {
      removed += 1
      return remove(name)
    }
    const peers = Array.from({ length: 50 }, (_, peer) => peer)
    await Promise.all(peers.map((peer) => store.put(told(`new${peer}`, peer), value)))
    equal(removed, 50)
    equal((await namesIn(store)).length, 10)
    await store.close()
  })

  it('bounds neither what the node tells itself nor anything else, and remembers over a restart', async () => {
    const store = await opened()
    const value = Uint8Array.of(1)
    for (let number = 0; number < 30; number++) {
      await store.put(told(SELF, number), value)
      await store.put(key(`/peers/${number}`), value)
      await store.put(told(`peer${number % 3}`, number), value)
    }
    equal((await namesIn(store)).length, 70)
    await store.delete(told('peer2', 29))
    equal((await namesIn(store)).length, 69)
    await store.close()
    const again = await opened()
    await again.put(told('peer0', 100), value)
    equal((await namesIn(again)).length, 70)
    await again.put(told('peer0', 101), value)
    equal((await namesIn(again)).length, 70)
    await again.close()
  })
})
