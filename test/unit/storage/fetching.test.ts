import assert from 'node:assert/strict'
import type { Blocks } from '@helia/interface'
import { describe, it } from 'mocha'
import { CID } from 'multiformats/cid'
import { Prompt } from '../../../protocol/answer.ts'
import { fetchBlock, type Sources } from '../../../worker/storage/fetching.ts'
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
    const pace = { latestMs: 0, isAsked: false }
    const got = await fetchBlock(sources, ID, ID, NEVER, pace)
    assert.equal(got, bytes)
    assert.deepEqual(put, [bytes])
    assert.ok(pace.isAsked, 'the next block is not asked for at once')
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

  it('is let go when it is not wanted any more', async () => {
    const { blocks } = without(untilStopped)
    const stop = new AbortController()
    const everyone = (_: CID, signal: AbortSignal) => untilStopped(signal).catch(() => undefined)
    const fetched = fetchBlock({ blocks, neighbours: nobody, everyone }, ID, ID, stop.signal)
    setTimeout(() => stop.abort(new Error('enough')), 5)
    await assert.rejects(fetched, /enough/)
  })
})
