import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { type Attribution, weights } from '../../../protocol/attribution.ts'
import type { Address } from '../../../protocol/fields.ts'
import { toRow } from '../../../worker/attribution/curvature.ts'
import { packed } from '../../../worker/attribution/features.ts'
import { attributeAnswer, buildIndex, scoringIndex } from '../../../worker/attribution/influence.ts'
import { normal, outerProduct, stream } from './synthetic.ts'

const SHAPE = { maps: 2, rank: 4, columns: 12 }
const WIDTH = 96
const ROWS = 12
const TOPICS = 9
const ANSWERS = 60
const STRICTNESS = 1300

interface Item {
  readonly owner: Address
  /** Number of the contribution that it is of. */
  readonly contribution: number
  readonly gradient: Float32Array
}

const account = (number: number): Address => `0x${number.toString(16).padStart(40, '0')}` as Address
const ATTACKER = account(0xbad)

/**
 * A small world: each honest contributor has a topic, and answers come from the topics. All text has a part along one
 * direction, that of frequent tokens, which one-token spam pushes along. A trained model knows how frequent they are,
 * so that part of a gradient points either way.
 */
function world() {
  const source = stream('world')
  const common = outerProduct('common', SHAPE)
  const topics = Array.from({ length: TOPICS }, (_, i) => outerProduct(`topic ${i}`, SHAPE))
  const text = (topic: Float64Array): Float32Array => {
    const shared = 0.1 + 0.5 * normal(source)
    return Float32Array.from(
      topic,
      (value, i) => value + shared * common[i]! + 0.1 * normal(source),
    )
  }
  const items = topics.flatMap((topic, i) =>
    Array.from({ length: ROWS }, () => ({
      owner: account(i + 1),
      contribution: i,
      gradient: text(topic),
    })),
  )
  const answers = Array.from({ length: ANSWERS }, (_, i) => text(topics[i % TOPICS]!))
  return { source, common, items, answers, text }
}

/** Everybody's part of the pool, with every sixteenth example held out. */
function settle(items: readonly Item[], answers: readonly Float32Array[]): Map<Address, number> {
  const mixed = shuffle(items)
  const features = packed(SHAPE, Float32Array.from(mixed.flatMap(({ gradient }) => [...gradient])))
  const owners = mixed.map(({ owner }, i) => (i % 16 === 15 ? undefined : owner))
  const contributions = mixed.map(({ contribution }) => contribution)
  const index = buildIndex(features, owners, contributions)
  const scoring = scoringIndex(index, owners)
  return parts(answers.map((answer) => attributeAnswer(scoring, toRow(index.curvature, answer))))
}

/** The rule we do not use: raw gradients, and pay for the ten best positive scores of each answer. */
function settleByBest(
  items: readonly Item[],
  answers: readonly Float32Array[],
): Map<Address, number> {
  const paid = new Map<Address, number>()
  for (const answer of answers) {
    const scored = items.map(({ owner, gradient }) => ({ owner, value: dot(gradient, answer) }))
    const best = scored.sort((a, b) => b.value - a.value).slice(0, 10)
    const sum = best.reduce((total, { value }) => total + value, 0)
    for (const { owner, value } of best) {
      paid.set(owner, (paid.get(owner) ?? 0) + value / sum / answers.length)
    }
  }
  return paid
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

function parts(attributions: readonly Attribution[]): Map<Address, number> {
  const paid = weights(
    attributions.map((attribution) => ({ feeWei: 1000n, attribution })),
    STRICTNESS,
  )
  const pool = [...paid.values()].reduce((sum, weight) => sum + weight, 0n)
  return new Map(
    [...paid].map(([who, weight]) => [who, Number((weight * 10_000n) / pool) / 10_000]),
  )
}

function shuffle<T>(items: readonly T[]): T[] {
  const source = stream('shuffle')
  const keyed = items.map((item) => ({ item, key: source.uint32() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

describe('attacks on attribution', () => {
  const fair = 1 / (TOPICS + 1)

  it('pays honest contributors, each about alike', () => {
    const { items, answers } = world()
    const paid = settle(items, answers)
    assert.equal(paid.size, TOPICS)
    for (const share of paid.values())
      assert.ok(share > 0.4 / TOPICS && share < 2 / TOPICS, `${share}`)
  })

  it('pays spam of one token, with four times the gradient, no more than its head count', () => {
    const { items, answers, common, source } = world()
    const spam = Array.from({ length: ROWS }, () => ({
      owner: ATTACKER,
      contribution: TOPICS,
      gradient: Float32Array.from(common, (value) => 4 * value + 0.02 * normal(source)),
    }))
    const best = settleByBest([...items, ...spam], answers).get(ATTACKER) ?? 0
    const paid = settle([...items, ...spam], answers).get(ATTACKER) ?? 0
    assert.ok(best > 1.5 * fair, `the best of each answer pay ${best}`)
    assert.ok(paid <= fair, `${paid}`)
  })

  it('pays one outlier no more than a row at the cap may earn', () => {
    const { items, answers, text } = world()
    const topics = [0, 1, 2, 3].map((topic) => outerProduct(`topic ${topic}`, SHAPE))
    // Of several topics, so that it repeats none of their texts.
    const mixed = topics[0]!.map((_, i) => topics.reduce((sum, topic) => sum + topic[i]! / 2, 0))
    const huge = {
      owner: ATTACKER,
      contribution: TOPICS,
      gradient: text(mixed).map((value) => 1000 * value),
    }
    const paid = settle([...items, huge], answers).get(ATTACKER) ?? 0
    assert.ok(paid < 2 / (ROWS * TOPICS), `${paid}`)
  })

  it('pays nothing for noise, but by a chance that decoys set', () => {
    const worlds = Array.from({ length: 20 }, (_, number) => {
      const { items, answers } = world()
      const source = stream(`noise ${number}`)
      const noise = Array.from({ length: ROWS }, () => ({
        owner: ATTACKER,
        contribution: TOPICS,
        gradient: Float32Array.from({ length: WIDTH }, () => 0.15 * normal(source)),
      }))
      return settle([...items, ...noise], answers)
    })
    const paid = worlds.flatMap((all) => all.get(ATTACKER) ?? [])
    // Above 1.3 standard deviations lies a tenth of what is drawn at random.
    assert.ok(paid.length <= 5 && paid.every((share) => share < fair / 2), `${paid}`)
    assert.ok(worlds.every((all) => all.size - (all.has(ATTACKER) ? 1 : 0) === TOPICS))
  })

  it('pays nothing for data that pulls the model away from its answers', () => {
    const { items, answers, text } = world()
    const topic = outerProduct('topic 0', SHAPE).map((value) => -value)
    const harm = Array.from({ length: ROWS }, () => ({
      owner: ATTACKER,
      contribution: TOPICS,
      gradient: text(topic),
    }))
    assert.equal(settle([...items, ...harm], answers).get(ATTACKER), undefined)
  })

  it('pays nothing for what says an earlier text again, and its author all the same', () => {
    const { items, answers, source } = world()
    const theirs = items.filter(({ owner }) => owner === account(1))
    const reworded = theirs.map(({ gradient }) => ({
      owner: ATTACKER,
      contribution: TOPICS,
      gradient: gradient.map((value) => 0.8 * value + 0.05 * normal(source)),
    }))
    const paid = settle([...items, ...reworded], answers)
    assert.equal(paid.get(ATTACKER), undefined)
    // It has dampened the topic that it repeats.
    assert.ok(paid.get(account(1))! > 0.4 / TOPICS, `${paid.get(account(1))}`)
    const asNew = reworded.map((item, i) => ({ ...item, contribution: TOPICS + 1 + i }))
    assert.equal(settle([...items, ...asNew], answers).get(ATTACKER), undefined)
  })

  it('gains nothing by splitting one account in three', () => {
    const { items, answers } = world()
    const split = items.map((item, i) =>
      item.owner === account(1) ? { ...item, owner: account(0xa0 + (i % 3)) } : item,
    )
    const whole = settle(items, answers).get(account(1)) ?? 0
    const paid = settle(split, answers)
    const sum = [0xa0, 0xa1, 0xa2].reduce((total, n) => total + (paid.get(account(n)) ?? 0), 0)
    assert.ok(sum <= whole + 0.001, `${sum} for ${whole}`)
  })
})
