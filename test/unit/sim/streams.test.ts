import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { Streams } from '../../../sim/kernel/streams.ts'

const draws = (streams: Streams, node: number, count: number): number[] =>
  Array.from({ length: count }, () => streams.uint32(node))

describe('streams of randomness', () => {
  it('are the same for the same seed, purpose and node, whatever the others draw', () => {
    const alone = draws(new Streams(7, 'network', 10), 3, 50)
    const among = new Streams(7, 'network', 10)
    const drawn = Array.from({ length: 50 }, (_, index) => {
      draws(among, 4, index % 3)
      return among.uint32(3)
    })
    assert.deepEqual(drawn, alone)
    // On another machine, in another year.
    assert.deepEqual(alone.slice(0, 3), [3375176906, 1795448347, 2713359014])
  })

  it('differ by seed, purpose and node, and none is a shift of another', () => {
    const all = [
      ...Array.from({ length: 40 }, (_, node) => draws(new Streams(7, 'network', 40), node, 500)),
      draws(new Streams(7, 'protocol', 40), 0, 500),
      draws(new Streams(7, 'adversary', 40), 0, 500),
      draws(new Streams(8, 'network', 40), 0, 500),
    ]
    const pairs = all.flatMap((stream) =>
      stream.slice(1).map((draw, at) => `${stream[at]} ${draw}`),
    )
    assert.equal(new Set(pairs).size, pairs.length)
  })

  it('favour no number, whether one node draws often or many draw once', () => {
    const bins = 100
    const count = 100_000
    const often = new Streams(1, 'world', 1)
    const once = new Streams(1, 'world', count)
    for (const draw of [() => often.below(0, bins), (node: number) => once.below(node, bins)]) {
      const found = new Array<number>(bins).fill(0)
      for (let node = 0; node < count; node++) found[draw(node)]! += 1
      const expected = count / bins
      const chiSquare = found.reduce((sum, bin) => sum + (bin - expected) ** 2 / expected, 0)
      // 99 degrees of freedom: 50 and 160 lie beyond one in ten thousand.
      assert.ok(chiSquare > 50 && chiSquare < 160, `${chiSquare}`)
    }
  })

  it('let things happen as often as their chance says, and draw nothing for what never does', () => {
    const streams = new Streams(1, 'network', 2)
    let happened = 0
    for (let tried = 0; tried < 100_000; tried++) if (streams.happens(0, 0.3)) happened += 1
    assert.ok(Math.abs(happened / 100_000 - 0.3) < 0.006, `${happened}`)
    assert.ok(!streams.happens(1, 0))
    assert.equal(streams.uint32(1), new Streams(1, 'network', 2).uint32(1))
  })
})
