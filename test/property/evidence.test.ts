import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  attribute,
  type PartsOf,
  SCORE_PARTS,
  scoreParts,
  scoringRows,
} from '../../protocol/attribution.ts'
import {
  attributionRoot,
  headLeaf,
  influenceRoot,
  type RowPart,
  type RowSum,
  rowSum,
  rowSumLeaf,
  type Shaped,
  shapedLeaves,
} from '../../protocol/evidence.ts'
import type { Address } from '../../protocol/fields.ts'
import { concat, fromHex, type Hash, toHex } from '../../protocol/hash.ts'
import { merkleHolds, merkleLeaf, merkleNode, merkleVerify } from '../../protocol/merkle.ts'
import { falseShare, falseSpan } from '../../worker/attribution/evidence.ts'
import { buildSpanIndex, findRange } from '../../worker/attribution/span-index.ts'
import { spanTree } from '../../worker/attribution/span-tree.ts'

const CONTRIBUTORS = [1, 2, 3].map((n) => `0x${`${n}`.repeat(40)}` as Address)

const row = fc.int8Array({ minLength: 9, maxLength: 9 })
/** Enough rows that sums take one byte a coordinate, or two. */
const index = fc.array(fc.tuple(row, fc.nat(3)), { minLength: 1, maxLength: 12 })

function rowsAndOwners(drawn: readonly (readonly [Int8Array, number])[]) {
  const rows = drawn.map(([held]) => held)
  const owners = drawn.map(([, owner]) => CONTRIBUTORS[owner])
  const scoring = scoringRows(rows, owners)
  const sums = scoring.sums.map(rowSum)
  return {
    rows,
    owners,
    scoring,
    leaves: { head: Uint8Array.of(1), rows: rows.map((r) => Uint8Array.from(r)), sums },
  }
}

function answerOf(drawn: readonly (readonly [Int8Array, number])[], query: Int8Array): Shaped {
  const attribution = attribute(rowsAndOwners(drawn).scoring, query)
  return { attribution, query: Uint8Array.from(query), tokens: [], spans: [] }
}

/** The root of a row that holds this part in its place. */
function rowRoot({ coordinates, siblings }: RowPart, part: number): Hash | undefined {
  const places = [0, 1].map((level) => (part >> level) & 1)
  return siblings.reduce(
    (node, sibling, level) =>
      places[level] ? merkleNode(sibling, node) : merkleNode(node, sibling),
    merkleLeaf(coordinates),
  )
}

describe('shares of an answer', () => {
  it('are the products of each row, summed by contributor', () => {
    const check = fc.property(index, row, (drawn, query) => {
      const { rows, owners, scoring } = rowsAndOwners(drawn)
      const { shares, decoys, decoySquares } = attribute(scoring, query)
      const parts = rows.map((held) => scoreParts(held, query))
      const placesOf = (who: Address | undefined) =>
        [...owners.keys()].filter((place) => owners[place] === who)
      const whole = (place: number) => BigInt(parts[place]!.reduce((sum, part) => sum + part, 0))
      for (const { contributor, rows: count, parts: told } of shares) {
        const places = placesOf(contributor)
        assert.equal(count, places.length)
        for (const [part, sum] of told.entries()) {
          assert.equal(
            sum,
            places.reduce((total, place) => total + parts[place]![part]!, 0),
          )
        }
      }
      const credited = CONTRIBUTORS.filter((who) => owners.includes(who))
      assert.deepEqual(
        shares.map(({ contributor }) => contributor),
        credited,
      )
      const none = placesOf(undefined)
      assert.equal(decoys, none.length)
      assert.equal(
        BigInt(decoySquares),
        none.map(whole).reduce((sum, one) => sum + one * one, 0n),
      )
    })
    fc.assert(check)
  })
})

describe('evidence against a share', () => {
  it('is none where the answer is right', () => {
    fc.assert(
      fc.property(index, row, (drawn, query) => {
        const { leaves } = rowsAndOwners(drawn)
        assert.equal(falseShare(answerOf(drawn, query), leaves), undefined)
      }),
    )
  })

  it('names the part that is wrong, and holds under both roots', () => {
    const wrong = fc.tuple(fc.nat(2), fc.nat(SCORE_PARTS - 1), fc.integer({ min: 1, max: 99 }))
    fc.assert(
      fc.property(index, row, wrong, (drawn, query, [which, part, off]) => {
        const honest = answerOf(drawn, query)
        const { shares } = honest.attribution
        fc.pre(shares.length > 0)
        const at = which % shares.length
        const parts = shares[at]!.parts.with(
          part,
          shares[at]!.parts[part]! + off,
        ) as PartsOf<number>
        const claimed = shares.with(at, { ...shares[at]!, parts })
        const answer = { ...honest, attribution: { ...honest.attribution, shares: claimed } }
        const { leaves } = rowsAndOwners(drawn)
        const evidence = falseShare(answer, leaves)!
        assert.deepEqual([evidence.part, evidence.share], [part, claimed[at]])
        // As `Disputes.falseScore` checks it.
        const beside = shapedLeaves(answer)[at]!
        const { shareWay, sumWay, vector } = evidence
        const roots = [merkleLeaf(headLeaf(answer)), attributionRoot(answer)]
        assert.equal(merkleNode(roots[0]!, climbed(beside, shareWay)), roots[1])
        assert.ok(
          merkleHolds(influenceRoot(leaves), sumOf(leaves.sums, claimed[at]!.contributor), sumWay),
        )
        assert.equal(rowRoot(evidence.query, part), rootIn(headLeaf(answer)))
        assert.equal(rowRoot(vector, part), rootIn(sumOf(leaves.sums, claimed[at]!.contributor)))
      }),
    )
  })

  it('shows a wrong number of rows', () => {
    const query = new Int8Array(9).fill(3)
    const drawn = [[new Int8Array(9).fill(1), 0] as const]
    const honest = answerOf(drawn, query)
    const shares = honest.attribution.shares.map((share) => ({ ...share, rows: 2 }))
    const answer = { ...honest, attribution: { ...honest.attribution, shares } }
    assert.equal(falseShare(answer, rowsAndOwners(drawn).leaves)?.rows, 1)
  })
})

describe('evidence against a span', () => {
  const texts = Array.from({ length: 9 }, (_, i) =>
    Array.from({ length: 40 }, (_, j) => (i * j + (j >> 2)) % 3),
  )
  const spans = buildSpanIndex(texts)
  const tree = spanTree(spans)
  const symbols = spans.text.length

  const cite = (tokens: number[], place: number, occurrences: number): Shaped => ({
    attribution: { shares: [], decoys: 0, decoySquares: '0' },
    query: new Uint8Array(),
    tokens,
    spans: [{ start: 0, end: tokens.length, place, occurrences }],
  })

  it('is a place of just one of both ranges, or none where the range is right', () => {
    const run = fc.array(fc.nat(2), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(run, fc.nat(symbols), fc.nat(symbols + 5), (tokens, place, occurrences) => {
        const { lo, hi } = findRange(spans, tokens, 0, tokens.length)
        assert.equal(falseSpan(cite(tokens, lo, hi - lo), spans, tree), undefined)
        fc.pre(place !== lo || occurrences !== hi - lo)
        const { shown } = falseSpan(cite(tokens, place, occurrences), spans, tree)!
        const inRange = shown.place >= lo && shown.place < hi
        const inCited = shown.place >= place && shown.place < place + occurrences
        assert.ok(place + occurrences > symbols || inRange !== inCited)
      }),
      { numRuns: 500 },
    )
  })

  it('opens the place and the text there', () => {
    const { lo, hi } = findRange(spans, [1, 1], 0, 2)
    const { shown } = falseSpan(cite([1, 1], lo, hi - lo - 1), spans, tree)!
    assert.equal(shown.place, hi - 1)
    const suffixes = { index: Math.floor(shown.place / 64), siblings: shown.suffix.siblings }
    const count = Math.ceil(symbols / 64)
    assert.ok(merkleVerify(tree.suffixRoot, count, shown.suffix.leaf, suffixes))
    const start = spans.suffixes[shown.place]!
    const text = { index: Math.floor(start / 128), siblings: shown.text.siblings }
    assert.ok(merkleVerify(tree.textRoot, Math.ceil(symbols / 128), shown.text.leaf, text))
  })
})

function climbed(leaf: Uint8Array, way: { path: bigint; siblings: readonly Hash[] }): Hash {
  return way.siblings.reduce(
    (node, sibling, level) =>
      (way.path >> BigInt(level)) & 1n ? merkleNode(sibling, node) : merkleNode(node, sibling),
    merkleLeaf(leaf),
  )
}

function sumOf(sums: readonly RowSum[], who: Address): Uint8Array {
  return rowSumLeaf(sums.find(({ contributor }) => contributor === who)!)
}

/** The root of a row stands last in the leaf that commits it. */
function rootIn(leaf: Uint8Array): string {
  return toHex(concat(leaf.subarray(-32), fromHex('0x')))
}
