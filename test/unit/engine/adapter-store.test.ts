import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, before, describe, it } from 'mocha'
import type { EngineError } from '../../../worker/engine/errors.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { loraLayout } from '../../../worker/engine/lora.ts'
import { type AdapterBase, AdapterStore } from '../../../worker/engine/serving/adapter-store.ts'
import { testFolder } from '../../harness/folders.ts'
import { engineError, LORA, someAdapter, TINY } from './fixtures.ts'

describe('adapter store', () => {
  let base: AdapterBase
  let theta: Float32Array
  let bytes: number
  const folders: string[] = []

  before(async () => {
    const { config } = await openBaseModel(TINY)
    base = { directory: TINY, config }
    theta = someAdapter(loraLayout(config, LORA).size)
    bytes = theta.byteLength
  })
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
  })

  const reference = (id: string, loads: string[] = []) => ({
    id,
    load: async () => {
      loads.push(id)
      // Each its own, so that one is not taken for another.
      return { lora: LORA, theta: theta.map((value) => value * id.charCodeAt(0)) }
    },
  })
  const folder = (): string => {
    const path = testFolder('adapters')
    folders.push(path)
    return path
  }
  const use = async (store: AdapterStore, id: string, loads: string[] = []): Promise<void> => {
    using _ = await store.acquire(base, reference(id, loads))
  }

  it('keeps those used last, within its bytes, and never drops what is in use', async () => {
    const store = new AdapterStore({ memoryBytes: 3 * bytes, folderBytes: 0 })
    const loads: string[] = []
    const pinned = await store.acquire(base, reference('pinned', loads))
    const values = pinned.adapter.data.slice()
    for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) {
      await use(store, id, loads)
      assert.ok(store.usedBytes <= 3 * bytes)
    }
    assert.deepEqual(loads, ['pinned', 'a', 'b', 'c', 'b'])
    await use(store, 'pinned', loads)
    assert.equal(loads.length, 5)
    assert.deepEqual(pinned.adapter.data, values)
    pinned[Symbol.dispose]()
    pinned[Symbol.dispose]()
    for (const id of ['d', 'e', 'f', 'pinned']) await use(store, id, loads)
    assert.equal(loads.at(-1), 'pinned')
  })

  it('waits for a pin to go where all are in use', async () => {
    const store = new AdapterStore({ memoryBytes: bytes, folderBytes: 0 })
    const held = await store.acquire(base, reference('held'))
    let come = false
    const waiting = store.acquire(base, reference('next')).then((lease) => {
      come = true
      return lease
    })
    const controller = new AbortController()
    const impatient = store.acquire(base, reference('next'), controller.signal)
    controller.abort()
    await assert.rejects(impatient, engineError('aborted'))
    assert.equal(come, false)
    held[Symbol.dispose]()
    assert.equal((await waiting).adapter.id, 'next')
    assert.equal(store.usedBytes, bytes)
  })

  it('loads an adapter once, however many wait for it, and again after a failure', async () => {
    const store = new AdapterStore({ memoryBytes: 4 * bytes, folderBytes: 0 })
    const failing = { id: 'a', load: () => Promise.reject(new TypeError('no network')) }
    await assert.rejects(store.acquire(base, failing), /no network/)
    const loads: string[] = []
    await Promise.all([1, 2, 3].map(() => use(store, 'a', loads)))
    assert.deepEqual(loads, ['a'])
  })

  it('brings back from disk the very same bits, in another life too', async () => {
    const limits = { memoryBytes: bytes, folder: folder(), folderBytes: 10 * bytes }
    const store = new AdapterStore(limits)
    using first = await store.acquire(base, reference('a'))
    const values = first.adapter.data.slice()
    first[Symbol.dispose]()
    await use(store, 'b')
    using again = await store.acquire(base, { id: 'a' })
    assert.deepEqual(again.adapter.data, values)
    assert.deepEqual(again.adapter.lora, LORA)
    assert.equal(store.counts.disk, 1)
    const other = new AdapterStore(limits)
    using later = await other.acquire(base, { id: 'a' })
    assert.deepEqual(later.adapter.data, values)
  })

  it('bounds the folder, and there too drops what was used longest ago', async () => {
    const path = folder()
    await writeFile(join(path, 'cut off.safetensors.0.part'), 'torn')
    const limits = { memoryBytes: bytes, folder: path, folderBytes: 3.5 * bytes }
    const store = new AdapterStore(limits)
    for (const id of ['a', 'b', 'c', 'a', 'd']) await use(store, id)
    const names = await readdir(path)
    assert.equal(names.length, 3)
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size))
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 3.5 * bytes)
    await assert.rejects(store.acquire(base, { id: 'b' }), engineError('bad-adapter', /not known/))
    using _ = await store.acquire(base, { id: 'a' })
  })

  it('refuses a file that is not what was written, and gets the adapter anew where it can', async () => {
    const path = folder()
    const limits = { memoryBytes: bytes, folder: path, folderBytes: 10 * bytes }
    const store = new AdapterStore(limits)
    const corrupt = async (): Promise<void> => {
      for (const id of ['a', 'b']) await use(store, id)
      for (const name of await readdir(path)) {
        const file = await readFile(join(path, name))
        file[file.length - 3]! ^= 1
        await writeFile(join(path, name), file)
      }
    }
    await corrupt()
    const alone = store.acquire(base, { id: 'a' })
    await assert.rejects(alone, engineError('bad-file', /not those written/))
    await assert.rejects(store.acquire(base, { id: 'a' }), engineError('bad-adapter', /not known/))
    await corrupt()
    const loads: string[] = []
    await use(store, 'a', loads)
    assert.deepEqual(loads, ['a'])
    assert.ok(store.counts.corrupt >= 2)
  })

  it('refuses what does not fit, saying why', async () => {
    const store = new AdapterStore({ memoryBytes: 2 * bytes, folderBytes: 0 })
    const refused = (load: object, code: EngineError['code'], reason: RegExp) =>
      assert.rejects(
        store.acquire(base, { id: 'x', load: async () => ({ lora: LORA, theta, ...load }) }),
        engineError(code, reason),
      )
    await refused({ lora: { ...LORA, rank: 5 } }, 'bad-adapter', /LoRA shape take/)
    await refused({ theta: theta.subarray(1) }, 'bad-adapter', /numbers/)
    await refused({ theta: theta.map(() => Number.NaN) }, 'bad-adapter', /not finite/)
    const wide = { ...LORA, rank: 16 }
    const large = { lora: wide, theta: new Float32Array(loraLayout(base.config, wide).size) }
    await refused(large, 'over-budget', /may take/)
    await use(store, 'mine')
    const stranger = { ...base, directory: '/another/base' }
    const foreign = store.acquire(stranger, { id: 'mine' })
    await assert.rejects(foreign, engineError('bad-adapter', /for the base model in/))
    assert.ok((await store.acquire(base, { id: 'mine' })).adapter)
  })

  it('serves a thousand adapters in turn out of the memory of a few', async () => {
    const limits = { memoryBytes: 4 * bytes, folder: folder(), folderBytes: 40 * bytes }
    const store = new AdapterStore(limits)
    for (let turn = 0; turn < 1000; turn++) {
      await use(store, `adapter ${(turn * turn) % 101}`)
      assert.ok(store.usedBytes <= 4 * bytes)
    }
    const { memory, disk, loaded } = store.counts
    assert.equal(memory + disk + loaded, 1000)
    assert.ok(memory > 0 && disk > 0, `${memory} from memory, ${disk} from disk`)
  })
})
