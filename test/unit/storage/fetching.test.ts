import assert from 'node:assert/strict'
import type { Blocks } from '@helia/interface'
import { describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import { Prompt } from '../../../protocol/answer.ts'
import { committed } from '../../../worker/effects/finding.ts'
import { collect } from '../../../worker/network/block-request.ts'
import { StorageError } from '../../../worker/storage/errors.ts'
import { fetchBlock, fetching, type Sources } from '../../../worker/storage/fetching.ts'
import { PROMPT } from '../../compliance/content.ts'

const { cid, bytes } = Prompt.encode(PROMPT)
const ID = CID.parse(cid)
const NEVER = new AbortController().signal

/** A store without the block, whose bitswap fails at once and whose sessions do as they are told. */
function without(session: (signal: AbortSignal) => Promise<Uint8Array>) {
  const put: Uint8Array[] = []
  const blocks = {
    has: async () => false,
    get: async function* () {
      yield await Promise.reject<Uint8Array>(new Error('bitswap has none'))
    },
    put: async (_: CID, block: Uint8Array) => void put.push(block),
    createSession: () => ({
      get: async function* (_: CID, { signal }: { signal: AbortSignal }) {
        yield await session(signal)
      },
      close: () => undefined,
    }),
  }
  return { blocks: blocks as unknown as Blocks, put }
}

const untilStopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
const nobody = async () => undefined

describe('a block that bitswap does not bring', () => {
  it('comes of whoever is asked, while a search for providers leads nowhere', async () => {
    const { blocks, put } = without(untilStopped)
    const sources: Sources = { blocks, neighbours: nobody, everyone: async () => bytes }
    assert.equal(await fetchBlock(sources, ID, ID, NEVER), bytes)
    assert.deepEqual(put, [bytes])
  })

  it('comes of a provider, while all others are silent', async () => {
    const { blocks } = without(async () => bytes)
    const signals: AbortSignal[] = []
    const everyone = (_: CID, signal: AbortSignal) => {
      signals.push(signal)
      return new Promise<undefined>((resolve) =>
        signal.addEventListener('abort', () => resolve(undefined)),
      )
    }
    assert.equal(await fetchBlock({ blocks, neighbours: nobody, everyone }, ID, ID, NEVER), bytes)
    assert.ok(signals[0]!.aborted, 'others are still asked')
  })

  it('is asked of neighbours once more at the end, who may have got it meanwhile', async () => {
    const { blocks } = without(() => Promise.reject(new Error('no providers')))
    const neighbours = async () => bytes
    assert.equal(await fetchBlock({ blocks, neighbours, everyone: nobody }, ID, ID, NEVER), bytes)
  })

  it('is given up where nobody has it, and why is told', async () => {
    const { blocks } = without(() => Promise.reject(new Error('no providers')))
    const fetched = fetchBlock({ blocks, neighbours: nobody, everyone: nobody }, ID, ID, NEVER)
    await assert.rejects(fetched, (error: Error & { code?: string }) => {
      assert.equal(error.code, 'stalled')
      assert.match(`${error.cause}`, /no providers/)
      return true
    })
  })

  it('is nobody else’s fault where this disk is full', async () => {
    const { blocks } = without(() => Promise.reject(new Error('no room')))
    const requireRoom = () => Promise.reject(new StorageError('unwritable', 'full'))
    const sources = { blocks, neighbours: nobody, everyone: nobody, requireRoom }
    const fetched = fetchBlock(sources, ID, ID, NEVER)
    await assert.rejects(committed(fetched, NEVER), { code: 'unwritable' })
  })

  it('is asked of others where it is here, but damaged', async () => {
    const { blocks, put } = without(() => Promise.reject(new Error('no providers')))
    // As the shelf does: what is found to be damaged is there until it is read.
    const has = async () => true
    const sources = { blocks: { ...blocks, has }, neighbours: nobody, everyone: async () => bytes }
    assert.equal(await fetchBlock(sources as Sources, ID, ID, NEVER), bytes)
    assert.deepEqual(put, [bytes])
  })

  it('is let go when it is not wanted any more', async () => {
    const { blocks } = without(untilStopped)
    const stop = new AbortController()
    const everyone = (_: CID, signal: AbortSignal) => untilStopped(signal).catch(() => undefined)
    const fetched = fetchBlock({ blocks, neighbours: nobody, everyone }, ID, ID, stop.signal)
    setTimeout(() => stop.abort(new Error('enough')), 5)
    await assert.rejects(fetched, /enough/)
  })
})

describe('the blocks of a file', () => {
  /** Where each of them came from, the neighbours having those only that are said. */
  async function routes(given: readonly boolean[]) {
    const told: string[] = []
    const { blocks } = without(untilStopped)
    const byBitswap = async function* () {
      told.push('bitswap')
      yield bytes
    }
    const asked = [...given]
    const neighbours = async () => {
      const block = asked.shift() ? bytes : undefined
      told.push(block ? 'neighbour' : 'none')
      return block
    }
    const sources = { blocks: { ...blocks, get: byBitswap }, neighbours, everyone: nobody }
    const limits = { maxBytes: 1e6, maxBlocks: 100, signal: NEVER, onBlock: () => undefined }
    const file = fetching(sources as unknown as Sources, ID, limits).blockstore
    for (let block = 0; block <= given.length; block++) await collect(file.get(ID))
    return told
  }

  it('are asked of neighbours, once bitswap has found the first', async () => {
    assert.deepEqual(await routes([true, true]), ['bitswap', 'neighbour', 'neighbour'])
  })

  it('are wanted two at a time, and none any more when one has failed', async () => {
    const { blocks } = without(() => Promise.reject(new Error('no providers')))
    const seen = { open: 0, most: 0, all: 0 }
    const get = async function* () {
      const number = ++seen.all
      seen.most = Math.max(seen.most, ++seen.open)
      await new Promise((wake) => setTimeout(wake, 5))
      seen.open -= 1
      if (number > 3) throw new Error('bitswap has none')
      yield bytes
    }
    const sources = { blocks: { ...blocks, get }, neighbours: nobody, everyone: nobody }
    const limits = { maxBytes: 1e6, maxBlocks: 100, signal: NEVER, onBlock: () => undefined }
    const file = fetching(sources as unknown as Sources, ID, limits).blockstore
    const all = Array.from({ length: 9 }, () => collect(file.get(ID)))
    const ends = (await Promise.allSettled(all)).map(({ status }) => status === 'fulfilled')
    assert.deepEqual(ends, [true, true, true, ...Array(6).fill(false)])
    assert.equal(seen.most, 2)
    assert.ok(seen.all <= 5, `${seen.all} were wanted`)
  })

  it('are asked of neighbours again, once one of them had to be asked', async () => {
    const told: string[] = []
    const { blocks } = without(() => Promise.reject(new Error('no providers')))
    const get = async function* () {
      told.push('bitswap')
      if (told.length > 1) throw new Error('bitswap has none')
      yield bytes
    }
    const neighbours = async () => {
      told.push('neighbours')
      return told.length > 2 ? bytes : undefined
    }
    const everyone = async () => {
      told.push('everyone')
      return bytes
    }
    const sources = { blocks: { ...blocks, get }, neighbours, everyone }
    const limits = { maxBytes: 1e6, maxBlocks: 100, signal: NEVER, onBlock: () => undefined }
    const file = fetching(sources as unknown as Sources, ID, limits).blockstore
    for (let block = 0; block < 3; block++) await collect(file.get(ID))
    assert.deepEqual(told, ['bitswap', 'neighbours', 'bitswap', 'everyone', 'neighbours'])
  })

  it('come by bitswap from the first that no neighbour gives', async () => {
    const told = await routes([true, false, true])
    assert.deepEqual(told, ['bitswap', 'neighbour', 'none', 'bitswap', 'bitswap'])
  })
})
