import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Address } from '../../protocol/fields.ts'
import { Reverted } from '../../sim/contract.ts'
import { DOMAINS } from '../../sim/jobs.ts'
import { Timeline } from '../../sim/timeline.ts'

const node = (digit: number) => `0x${String(digit).repeat(40)}` as Address

function grown(blocks: number): Timeline {
  const timeline = new Timeline({ ...DOMAINS, windowMs: 1000 })
  for (let block = 1; block <= blocks; block++) {
    timeline.mine(1000 * block)
    timeline.send((chain) => chain.stake(node(block), node(block), ['worker'], BigInt(block)))
  }
  return timeline
}

const blocksOf = ({ chain }: Timeline) => chain.facts.filter(({ kind }) => kind === 'block')
const stakesOf = ({ chain }: Timeline) => chain.facts.filter(({ kind }) => kind === 'staked')

describe('an L2 that takes blocks back', () => {
  it('has other blocks at the same times, and the same before them', () => {
    const before = blocksOf(grown(5))
    const timeline = grown(5)
    timeline.takeBack(2)
    const after = blocksOf(timeline)
    assert.deepEqual(after.slice(0, 3), before.slice(0, 3))
    for (const place of [3, 4]) {
      const [one, other] = [before[place]!, after[place]!]
      assert.ok(one.kind === 'block' && other.kind === 'block')
      assert.equal(other.timestampMs, one.timestampMs)
      assert.notEqual(other.hash, one.hash)
    }
  })

  it('keeps its forks apart when it takes back some that it took back before', () => {
    const timeline = grown(5)
    const hashes = new Set<string>()
    for (let fork = 0; fork < 4; fork++) {
      hashes.add(JSON.stringify(blocksOf(timeline).at(-1)))
      timeline.takeBack(1 + (fork % 2))
    }
    assert.equal(hashes.size, 4)
  })

  it('is sent again what stood in them, in the newest block', () => {
    const timeline = grown(5)
    timeline.takeBack(2)
    const stakes = stakesOf(timeline)
    assert.deepEqual(
      stakes.map((fact) => fact.kind === 'staked' && [fact.node, fact.blockNumber]),
      [1, 2, 3, 4, 5].map((digit) => [node(digit), digit <= 3 ? digit : 5]),
    )
    timeline.takeBack(1)
    assert.equal(stakesOf(timeline).length, 5)
  })

  it('never takes back its first block', () => {
    const timeline = grown(3)
    const [first] = blocksOf(timeline)
    timeline.takeBack(100)
    assert.deepEqual(blocksOf(timeline)[0], first)
    assert.equal(blocksOf(timeline).length, 3)
  })

  it('leaves out what it refused, and what it would refuse now', () => {
    const timeline = grown(3)
    assert.throws(() => timeline.send((chain) => chain.exit(node(9))), Reverted)
    // Good for the one block that is taken back only.
    const [, , third] = blocksOf(timeline)
    timeline.send((chain) => {
      if (!chain.facts.includes(third!)) throw new Reverted('OtherBlock')
      chain.exit(node(1))
    })
    timeline.takeBack(1)
    assert.equal(timeline.chain.facts.filter(({ kind }) => kind === 'exiting').length, 0)
  })
})
