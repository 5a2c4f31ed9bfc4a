import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, describe, it } from 'mocha'
import { roundAfter, roundTimeMs } from '../../../protocol/drand.ts'
import type { Hash } from '../../../protocol/hash.ts'
import { DrandBeacon, type DrandOptions } from '../../../worker/beacon/drand.ts'
import { BeaconError } from '../../../worker/beacon/errors.ts'
import type { Logger } from '../../../worker/telemetry/logger.ts'
import { roundJson, TestRelay, testNetwork } from '../../harness/drand-relay.ts'
import { hashNumber } from '../../harness/messages.ts'
import type { Fault } from '../../harness/misbehaving.ts'

/** Round 1000 of this network was out ten minutes ago. */
const NETWORK = testNetwork('drand', (Math.floor(Date.now() / 1000) - 600 - 999 * 3) * 1000)
const { signal } = new AbortController()
/** Longer than an honest relay of this process takes. */
const ANSWER_WAIT_MS = 1000

interface Line {
  readonly level: string
  readonly text: string
  readonly relay?: string
  readonly round?: number
  readonly reason?: string
}

describe('the beacon of drand', () => {
  const relays: TestRelay[] = []
  const beacons: DrandBeacon[] = []
  const lines: Line[] = []

  afterEach(async () => {
    for (const beacon of beacons.splice(0)) beacon[Symbol.dispose]()
    await Promise.all(relays.splice(0).map((relay) => relay.stop()))
    lines.length = 0
  })

  async function relay(fault?: TestRelay['fault'], network = NETWORK): Promise<TestRelay> {
    const started = await TestRelay.start(network)
    relays.push(started)
    started.fault = fault
    return started
  }

  /** Goes by blocks that have their number as their time in seconds. */
  function beaconOf(asked: readonly TestRelay[], options: Partial<DrandOptions> = {}): DrandBeacon {
    const line = (level: string) => (about: object, text: string) =>
      void lines.push({ level, text, ...about })
    const log = { warn: line('warn'), debug: line('debug') } as unknown as Logger
    const block = (timestamp: number) => ({
      timestamp,
      number: timestamp,
      hash: hashNumber(1),
      parentHash: hashNumber(0),
    })
    const blocks: DrandOptions['blocks'] = {
      at: async (number) => block(number),
      withHash: async () => block(secondsOf(1000)),
    }
    const urls = asked.map(({ url }) => url)
    const beacon = new DrandBeacon({
      ...{ network: NETWORK, relays: urls, blocks, log, answerWaitMs: ANSWER_WAIT_MS },
      ...options,
    })
    beacons.push(beacon)
    return beacon
  }

  /** The time of a round, for a block that is to be of that time. */
  const secondsOf = (round: number): number => Math.floor(roundTimeMs(NETWORK, round) / 1000)
  /** What is drawn after a block that comes just before a round. */
  const drawn = async (beacon: DrandBeacon, round: number, own = signal): Promise<Hash> =>
    (await beacon.of({ block: secondsOf(round - 1) }, own)).randomness

  it('is the randomness of the round after the block, not what a relay says it is', async () => {
    const one = await relay()
    const beacon = beaconOf([one])
    equal(await drawn(beacon, 1000), NETWORK.randomness(1000))
    deepEqual(lines, [])
  })

  it('is asked for once, however many wait for it, and known afterwards', async () => {
    const one = await relay()
    const beacon = beaconOf([one])
    const all = await Promise.all([1, 2, 3].map(() => drawn(beacon, 1000)))
    deepEqual(
      all,
      [1, 2, 3].map(() => NETWORK.randomness(1000)),
    )
    await drawn(beacon, 1000)
    deepEqual(
      one.asked.map(({ round }) => round),
      [1000],
    )
  })

  it('is of a later block where the round after the first was out when the check began', async () => {
    const one = await relay()
    const beacon = beaconOf([one])
    const block = secondsOf(899)
    const began = await beacon.of({ block, afterMs: roundTimeMs(NETWORK, 902) }, signal)
    deepEqual(began, { randomness: NETWORK.randomness(903), block: secondsOf(902) })
    deepEqual(await beacon.of({ block: secondsOf(902) }, signal), began)
    const inTime = await beacon.of({ block, afterMs: roundTimeMs(NETWORK, 900) - 1 }, signal)
    equal(inTime.block, block)
    deepEqual(
      one.asked.map(({ round }) => round),
      [903, 900],
    )
  })

  it('is not to be had of a chain that stands still, nor waited for without end', async () => {
    const block = {
      timestamp: secondsOf(899),
      number: 1,
      hash: hashNumber(1),
      parentHash: hashNumber(0),
    }
    const at = async (number: number, ended: AbortSignal) => {
      if (number > 1) await once(ended, 'abort')
      ended.throwIfAborted()
      return block
    }
    const blocks = { at, withHash: async () => block }
    const beacon = beaconOf([await relay()], { blocks, patienceMs: 50 })
    const behind = { block: 1, afterMs: roundTimeMs(NETWORK, 902) }
    await rejects(beacon.of(behind, signal), {
      code: 'chain-behind',
      message: /9 s before this check/,
    })
    await rejects(beacon.of(behind, AbortSignal.abort(new Error('called off'))), /called off/)
  })

  it('follows from a block’s hash where a juror has no more', async () => {
    const one = await relay()
    const hash = hashNumber(1)
    await beaconOf([one]).of({ block: hash, hash }, signal)
    equal(one.asked[0]?.round, roundAfter(NETWORK, secondsOf(1000) * 1000))
  })

  it('passes over every relay that lies or fails, and says which and why', async () => {
    const signature = NETWORK.sign(1000)
    const forged = testNetwork('forger', NETWORK.genesisMs).sign(1000)
    const cases: readonly (readonly [string, Fault])[] = [
      ['round 999 instead', { body: roundJson(999, NETWORK.sign(999)) }],
      ['not signed by the network', { body: roundJson(1000, NETWORK.sign(999)) }],
      ['not signed by the network', { body: roundJson(1000, forged) }],
      ['not signed by the network', { body: roundJson(1000, new Uint8Array(48)) }],
      ['no round in its answer', { body: roundJson(1000, signature.subarray(1)) }],
      ['no round in its answer', { body: 'garbage' }],
      ['no round in its answer', { body: `{"round":1e400,"signature":[${'0,'.repeat(500)}0]}` }],
      ['no round in its answer', {}],
      ['more than 2048 bytes', { endless: true }],
      ['HTTP 404', { status: 404 }],
      ['HTTP 500', { status: 500, body: roundJson(1000, signature) }],
      ['unexpected redirect', { status: 302, headers: { location: '/elsewhere' } }],
      ['no answer within 1000 ms', { silent: true }],
      ['no answer within 1000 ms', { trickling: true }],
    ]
    const bad: TestRelay[] = []
    for (const [, fault] of cases) bad.push(await relay(fault))
    const good = await relay()
    const gone = await relay()
    await gone.stop()
    const beacon = beaconOf([...bad, gone, good])
    equal(await drawn(beacon, 1000), NETWORK.randomness(1000))
    const told = lines.map(({ level, relay, reason }) => ({ level, relay, reason }))
    const expected = cases.map(([reason], place) => ({
      level: 'warn',
      relay: bad[place]!.url,
      reason,
    }))
    deepEqual(told.slice(0, -1), expected)
    match(told.at(-1)?.reason ?? '', /ECONNREFUSED/)
    // Who had the last one is asked first.
    await drawn(beacon, 990)
    equal(lines.length, told.length)
    deepEqual(
      bad.map(({ asked }) => asked.length),
      bad.map(() => 1),
    )
  })

  it('waits for a round that is not out, and asks nobody before', async () => {
    const network = testNetwork('young', Math.floor(Date.now() / 1000) * 1000 - 3000, 1000)
    const one = await relay(undefined, network)
    const beacon = beaconOf([one], { network })
    const soon = Math.floor(Date.now() / 1000)
    const round = roundAfter(network, soon * 1000)
    const { randomness: found } = await beacon.of({ block: soon }, signal)
    equal(found, network.randomness(round))
    ok(
      one.asked.every(
        ({ round: number, atMs }) => number === round && atMs >= roundTimeMs(network, round),
      ),
    )
    deepEqual(lines, [])
  })

  it('asks again while nobody has the round, and takes no block’s hash for it', async () => {
    const one = await relay({ status: 404 })
    const waiting = drawn(beaconOf([one]), 1000)
    while (one.open > 0 || one.asked.length === 0) await new Promise((wake) => setTimeout(wake, 5))
    one.fault = undefined
    equal(await waiting, NETWORK.randomness(1000))
    deepEqual([lines[0]?.relay, lines[0]?.reason], [one.url, 'HTTP 404'])
  })

  it('gives up in time with the reasons of all, so that the core can say what is still to be done', async () => {
    const [one, other] = [await relay({ status: 503 }), await relay({ body: '{}' })]
    const beacon = beaconOf([one, other], { patienceMs: 100 })
    await rejects(drawn(beacon, 1000), (error) => {
      ok(error instanceof BeaconError && error.code === 'no-round')
      for (const word of [
        one.url,
        'HTTP 503',
        other.url,
        'no round in its answer',
        '--drand-relays',
      ]) {
        ok(error.message.includes(word), error.message)
      }
      return true
    })
    const nextYear = { block: secondsOf(1000) + 365 * 86_400 }
    await rejects(beacon.of(nextYear, signal), { code: 'far-ahead', message: /clocks/ })
  })

  it('ends at once when nobody waits any more, and not while somebody does', async () => {
    const one = await relay({ silent: true })
    const beacon = beaconOf([one], { answerWaitMs: 60_000 })
    const [first, second] = [new AbortController(), new AbortController()]
    const waits = [first, second].map(({ signal: own }) => drawn(beacon, 1000, own))
    while (one.asked.length === 0) await new Promise((wake) => setTimeout(wake, 5))
    first.abort(new Error('the first goes'))
    await rejects(waits[0]!, /the first goes/)
    equal(one.open, 1)
    second.abort(new Error('the second goes'))
    await rejects(waits[1]!, /the second goes/)
    while (one.open > 0) await new Promise((wake) => setTimeout(wake, 5))
    await rejects(drawn(beacon, 1000, second.signal), /the second goes/)
    // And whoever comes then is served.
    one.fault = undefined
    equal(await drawn(beacon, 1000), NETWORK.randomness(1000))
  })

  it('ends with the node', async () => {
    const one = await relay({ silent: true })
    const beacon = beaconOf([one], { answerWaitMs: 60_000 })
    const waiting = drawn(beacon, 1000)
    while (one.asked.length === 0) await new Promise((wake) => setTimeout(wake, 5))
    beacon[Symbol.dispose]()
    await rejects(waiting, { code: 'closed' })
  })
})
