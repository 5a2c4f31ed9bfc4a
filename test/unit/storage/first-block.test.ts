import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { type AskOne, firstBlock } from '../../../worker/storage/first-block.ts'

const BLOCK = Uint8Array.of(1, 2, 3)
const WAITS = { atOnce: 3, aloneMs: 20, answerMs: 20, patienceMs: 20 }
const NEVER = new AbortController().signal

/** What a peer does, by its name. */
type Manner = 'has' | 'lacks' | 'silent' | 'late' | 'stalls'

/** Peers of these manners, and how many of each were asked, and took their turn. */
function town(manners: readonly Manner[]) {
  const seen = { asked: [] as number[], turns: [] as number[], most: 0 }
  let open = 0
  const ask: AskOne<number> = async (peer, takes, signal) => {
    seen.asked.push(peer)
    open += 1
    seen.most = Math.max(seen.most, open)
    const over = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const manner = manners[peer]
    if (manner === 'silent') await over
    if (manner === 'late') await new Promise((wake) => setTimeout(wake, 3 * WAITS.answerMs))
    await Promise.resolve()
    open -= 1
    if (manner === 'silent' || manner === 'lacks') return undefined
    if (signal.aborted || !takes()) return undefined
    seen.turns.push(peer)
    return manner === 'stalls' ? over : BLOCK
  }
  const queue = async function* () {
    yield* manners.keys()
  }
  return { ask, queue, seen }
}

describe('a block asked of many', () => {
  it('is given by whoever has it, and asked of few at a time', async () => {
    const manners: Manner[] = [...Array<Manner>(40).fill('lacks'), 'has', 'lacks']
    const { ask, queue, seen } = town(manners)
    assert.equal(await firstBlock([], queue, ask, NEVER, WAITS), BLOCK)
    assert.ok(seen.most <= WAITS.atOnce)
    assert.ok(seen.asked.length >= 41)
  })

  it('is undefined where nobody has it', async () => {
    const { ask, queue, seen } = town(['lacks', 'lacks', 'lacks', 'lacks'])
    assert.equal(await firstBlock([], queue, ask, NEVER, WAITS), undefined)
    assert.equal(seen.asked.length, 4)
    const nobody = town([])
    assert.equal(await firstBlock([], nobody.queue, nobody.ask, NEVER, WAITS), undefined)
  })

  it('is taken of one at a time while that one may give it', async () => {
    const { ask, queue, seen } = town(['stalls', 'stalls', 'stalls'])
    const stop = new AbortController()
    const waits = { ...WAITS, patienceMs: 10_000 }
    const asked = firstBlock([], queue, ask, stop.signal, waits)
    await new Promise((wake) => setTimeout(wake, 5))
    assert.deepEqual(seen.asked, [0, 1, 2])
    assert.deepEqual(seen.turns, [0])
    stop.abort()
    assert.equal(await asked, undefined)
  })

  it('comes in spite of many that promise it and do not give it', async () => {
    const manners: Manner[] = [...Array<Manner>(12).fill('stalls'), 'has']
    const { ask, queue, seen } = town(manners)
    assert.equal(await firstBlock([], queue, ask, NEVER, WAITS), BLOCK)
    assert.equal(seen.turns.length, 13)
  })

  it('comes in spite of many that say nothing', async () => {
    const { ask, queue, seen } = town([...Array<Manner>(12).fill('silent'), 'has'])
    assert.equal(await firstBlock([], queue, ask, NEVER, WAITS), BLOCK)
    assert.equal(seen.asked.length, 13)
  })

  it('is taken of who answers late, when all others have been asked', async () => {
    const { ask, queue, seen } = town(['late', 'lacks', 'lacks', 'lacks'])
    assert.equal(await firstBlock([], queue, ask, NEVER, WAITS), BLOCK)
    assert.equal(seen.asked.length, 4)
    const giver = town(['late', 'lacks'])
    const others = async function* () {
      yield 1
    }
    assert.equal(await firstBlock([0], others, giver.ask, NEVER, WAITS), BLOCK)
    assert.deepEqual(giver.seen.asked, [0, 1])
  })

  it('is asked of the last giver alone, for as long as patience lasts', async () => {
    const given = town(['lacks', 'lacks', 'has'])
    await firstBlock([2], given.queue, given.ask, NEVER, { ...WAITS, patienceMs: 10_000 })
    assert.deepEqual(given.seen.asked, [2])
    const stalled = town(['lacks', 'has', 'stalls'])
    const others = async function* () {
      yield* [0, 1]
    }
    assert.equal(await firstBlock([2], others, stalled.ask, NEVER, WAITS), BLOCK)
    assert.equal(stalled.seen.asked[0], 2)
  })

  it('is asked of the likely ones in their order, until one has it', async () => {
    const likely = town(['lacks', 'has', 'lacks', 'has'])
    const waits = { ...WAITS, aloneMs: 10_000 }
    assert.equal(await firstBlock([2, 0, 3, 1], likely.queue, likely.ask, NEVER, waits), BLOCK)
    assert.deepEqual(likely.seen.asked, [2, 0, 3])
  })

  it('is asked of the others again, where who has it does not give it', async () => {
    const { ask, queue, seen } = town(['stalls', 'late', 'silent'])
    assert.equal(await firstBlock([], queue, ask, NEVER, { ...WAITS, patienceMs: 100 }), BLOCK)
    assert.equal(seen.asked.filter((peer) => peer === 1).length, 2, 'never called off')
    assert.deepEqual(seen.turns, [0, 1])
  })

  it('is given up when it is not wanted any more', async () => {
    const { ask, queue, seen } = town(['silent', 'silent', 'silent', 'silent', 'has'])
    const stop = new AbortController()
    const asked = firstBlock([], queue, ask, stop.signal, WAITS)
    await new Promise((wake) => setTimeout(wake, 5))
    stop.abort()
    assert.equal(await asked, undefined)
    assert.equal(seen.asked.length, 3)
  })

  it('fails where those to ask cannot be told', async () => {
    const { ask } = town([])
    const broken = async function* (): AsyncGenerator<number> {
      yield* []
      throw new Error('no table')
    }
    await assert.rejects(firstBlock([], broken, ask, NEVER, WAITS), /no table/)
  })
})
