import { deepEqual, equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { Effect } from '../../../coordinator-free/events.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import { PriceHistory } from '../../../coordinator-free/price-history.ts'
import { reasonInWords } from '../../../coordinator-free/reason-words.ts'
import { reasons } from '../../../coordinator-free/reasons.ts'
import { turnPlace } from '../../../coordinator-free/turns.ts'
import { headerHash } from '../../../protocol/batch.ts'
import { finaliseLoad, type Prices, postLoad } from '../../../protocol/batch-cost.ts'
import { EPOCH_SECONDS, INITIAL_VALUES } from '../../../protocol/parameters.ts'
import { BATCH_WAIT_MS, GAS_PARTS, GAS_WAIT_MS, TURN_MS } from '../../../protocol/params.ts'
import { headerOf } from '../../../protocol/settlement.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  GATEWAY,
  jobEnvelope,
  openingEnvelope,
  receive,
  signed,
  tell,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { hashNumber, NOW_MS } from '../../harness/messages.ts'

/** Of one job. */
const FEE_WEI = 10n ** 13n
/** Nothing is worth so much. */
const DEAR_WEI = 10n ** 30n
/** What the post of a batch takes that collects from one payer, and the most that a unit may cost for one job. */
const { gas: GAS, bytes: BYTES } = postLoad(VALIDATORS.length, 1)
const MOST_WEI = FEE_WEI / (GAS_PARTS * GAS)
const [WAIT, TURN, LONGEST] = [BATCH_WAIT_MS, TURN_MS, GAS_WAIT_MS].map((ms) => ms / 1000) as [
  number,
  number,
  number,
]

/** Its claim is accepted, with all that the batch needs. */
function accept(core: Core, number: number, second = 0): Effect[] {
  const nowMs = NOW_MS + 1000 * second
  const job = jobEnvelope(number)
  const claim = claimEnvelope(job.digest, turnsOf(core, job.digest)[0]!, number)
  for (const said of [job, claim]) receive(core, said, nowMs)
  for (const validator of VALIDATORS) receive(core, voteEnvelope(claim, validator), nowMs)
  for (const validator of VALIDATORS) receive(core, openingEnvelope(claim, validator), nowMs)
  const attribution = { shares: [], decoys: 1, decoySquares: '1' }
  return core.handle({ kind: 'read', claim: claim.digest, attribution }, nowMs)
}

/** Of a unit of gas alone, or of a byte as well. */
type FeeAt = (second: number) => bigint | Prices | undefined

function fees(told: ReturnType<FeeAt>) {
  if (told === undefined) return {}
  const { gasWei, byteWei } = typeof told === 'bigint' ? { gasWei: told, byteWei: 0n } : told
  return { baseFeeWei: gasWei, ...(byteWei > 0n && { byteFeeWei: byteWei }) }
}

/** A block a second, at these prices, until one of them makes such a duty due. @returns how many seconds that takes */
function secondsUntil<K extends Effect['kind']>(
  core: Core,
  kind: K,
  feeAt: FeeAt,
  happening: (second: number) => readonly Effect[] = () => [],
): { second: number; effect: Extract<Effect, { kind: K }> } {
  const first = (core.ledger.head?.number ?? 0) + 1
  const firstSecond = ((core.ledger.head?.timestampMs ?? NOW_MS) - NOW_MS) / 1000
  for (let at = 0; at < 300; at++) {
    const second = firstSecond + at
    const happened = happening(second)
    const told = block(core, first + at, NOW_MS + 1000 * second, fees(feeAt(second)))
    const effects = [...happened, ...told]
    const effect = effects.find((one): one is Extract<Effect, { kind: K }> => one.kind === kind)
    if (effect) return { second, effect }
  }
  throw new Error(`${kind} never fell due`)
}

/** When each validator would do it, the first first. */
function turns(seconds: (self: number) => number): number[] {
  return VALIDATORS.map(seconds).sort((a, b) => a - b)
}

/** From this second on, one after the other. */
const inTurn = (second: number): number[] => VALIDATORS.map((_, place) => second + place * TURN)

function proposed(
  self: number,
  feeAt: FeeAt,
  happening: (core: Core, second: number) => Effect[] = () => [],
): number {
  const core = council(self)
  accept(core, 1)
  return secondsUntil(core, 'offer', feeAt, (second) => happening(core, second)).second
}

describe('a batch that is not worth its gas', () => {
  it('is proposed when it is due where gas is cheap enough, or nobody knows what it costs', () => {
    for (const feeWei of [undefined, 0n, MOST_WEI]) {
      deepEqual(
        turns((self) => proposed(self, () => feeWei)),
        inTurn(WAIT),
      )
    }
  })

  it('waits for three minutes and no longer', () => {
    for (const feeWei of [MOST_WEI + 1n, DEAR_WEI]) {
      deepEqual(
        turns((self) => proposed(self, () => feeWei)),
        inTurn(WAIT + LONGEST),
      )
    }
  })

  it('is proposed when gas becomes cheap, one after the other', () => {
    const feeAt = (second: number) => (second < 30 ? 2n * MOST_WEI : MOST_WEI)
    deepEqual(
      turns((self) => proposed(self, feeAt)),
      inTurn(30),
    )
    // It has been cheap for long when the batch is due.
    deepEqual(
      turns((self) => proposed(self, (second) => (second < 2 ? 2n * MOST_WEI : 1n))),
      inTurn(WAIT),
    )
  })

  it('waits for dear data as for dear gas, and for both together', () => {
    const [half, halfByte] = [MOST_WEI / 2n, FEE_WEI / (2n * GAS_PARTS * BYTES)]
    const cheap = { gasWei: half, byteWei: halfByte }
    const gasOrData = (second: number) =>
      second < 20 ? { ...cheap, gasWei: MOST_WEI } : { ...cheap, byteWei: 3n * halfByte }
    const ways: [FeeAt, number][] = [
      [() => cheap, WAIT],
      [() => ({ gasWei: 1n, byteWei: 3n * halfByte }), WAIT + LONGEST],
      [(second) => (second < 30 ? gasOrData(second) : cheap), 30],
    ]
    for (const [feeAt, first] of ways) {
      deepEqual(
        turns((self) => proposed(self, feeAt)),
        inTurn(first),
      )
    }
  })

  it('counts turns anew where gas was dear in between', () => {
    const feeAt = (second: number) => (second >= 20 && second < 22 ? MOST_WEI : 3n * MOST_WEI)
    deepEqual(
      turns((self) => proposed(self, feeAt)),
      [20, WAIT + LONGEST + TURN, WAIT + LONGEST + 2 * TURN],
    )
  })

  it('is proposed when enough has come together, one after the other', () => {
    const grows = (core: Core, second: number): Effect[] =>
      second === 20 ? accept(core, 2, second) : []
    deepEqual(
      turns((self) => proposed(self, () => (3n * MOST_WEI) / 2n, grows)),
      inTurn(20),
    )
  })

  it('is not waited for longer because it grows', () => {
    const grows = (core: Core, second: number): Effect[] =>
      second % 10 === 5 ? accept(core, second, second) : []
    deepEqual(
      turns((self) => proposed(self, () => DEAR_WEI, grows)),
      inTurn(WAIT + LONGEST),
    )
  })

  /** Proposed while gas is free, and endorsed by all when it is not. */
  function endorsed(self: number, epochSeconds: number): { core: Core; place: number } {
    const core = council(self, { parameters: { initial: INITIAL_VALUES, epochSeconds } })
    accept(core, 1)
    const { second, effect } = secondsUntil(core, 'offer', () => 0n)
    const nowMs = NOW_MS + 1000 * second
    core.handle({ kind: 'offered', proposal: effect.proposal }, nowMs)
    receive(core, signed({ kind: 'proposal', body: effect.proposal }, self), nowMs)
    block(core, 1000, nowMs, fees(DEAR_WEI))
    const header = headerHash(headerOf(effect.data))
    for (const validator of VALIDATORS) {
      const body = { validator: addressNumber(validator), header }
      receive(core, signed({ kind: 'endorsement', body }, validator), nowMs)
    }
    return { core, place: turnPlace(core.ledger, 'post', header, addressNumber(self)) }
  }

  it('is not posted where gas has become dear, until the time that its proposal had is over', () => {
    for (const self of VALIDATORS) {
      const posted = (feeAt: (second: number) => bigint): number => {
        const { core, place } = endorsed(self, 3600)
        return secondsUntil(core, 'post', feeAt).second - place * TURN
      }
      ok(posted(() => MOST_WEI) < 20)
      equal(
        posted(() => DEAR_WEI),
        WAIT + LONGEST,
      )
      equal(
        posted((second) => (second < 40 ? DEAR_WEI : MOST_WEI)),
        40,
      )
    }
  })

  it('is proposed anew where the contract would not take it any more', () => {
    const again = (self: number): number =>
      secondsUntil(endorsed(self, EPOCH_SECONDS).core, 'offer', () => DEAR_WEI).second
    deepEqual(turns(again), inTurn(WAIT + LONGEST))
  })

  it('is made final in the same way, with others that come to their end meanwhile', () => {
    const { gas } = finaliseLoad(2)
    const final = (self: number, feeAt: (second: number) => bigint): [number, number] => {
      const core = council(self)
      for (const [number, second] of [
        [1, 10],
        [2, 20],
      ] as const) {
        const header = { ...headerOf(dataOf(number)), collectedWei: FEE_WEI, feeWei: FEE_WEI }
        const finalAtMs = NOW_MS + 1000 * second
        tell(core, {
          kind: 'batch-posted',
          blockNumber: 1,
          header,
          finalAtMs,
          txHash: hashNumber(1),
        })
      }
      const { second, effect } = secondsUntil(core, 'finalise', feeAt)
      return [second, effect.headers.length]
    }
    const dear = (second: number) => (second < 15 ? FEE_WEI : (2n * FEE_WEI) / (GAS_PARTS * gas))
    const found = VALIDATORS.map((self) => final(self, dear))
    deepEqual(
      found.map(([second]) => second).sort((a, b) => a - b),
      inTurn(20),
    )
    ok(found.every(([, count]) => count === 2))
    const latest = VALIDATORS.map((self) => final(self, () => FEE_WEI)[0])
    deepEqual(
      latest.sort((a, b) => a - b),
      inTurn(10 + LONGEST),
    )
  })

  it('is a reason why a job is not settled', () => {
    const core = council(VALIDATORS[0])
    accept(core, 1)
    const about = (second: number) =>
      reasons(
        core.ledger,
        addressNumber(VALIDATORS[0]),
        jobEnvelope(1).digest,
        NOW_MS + 1000 * second,
      ).filter(({ code }) => code === 'gas-too-dear')
    block(core, 5, NOW_MS + 1000, fees(1n))
    deepEqual(about(WAIT), [])
    block(core, 6, NOW_MS + 2000, fees(2n * MOST_WEI))
    deepEqual(about(WAIT - 1), [])
    const untilMs = NOW_MS + BATCH_WAIT_MS + GAS_WAIT_MS
    const costWei = 2n * MOST_WEI * GAS
    const [why] = about(WAIT)
    deepEqual(why, { code: 'gas-too-dear', costWei, feesWei: FEE_WEI, untilMs })
    match(
      reasonInWords(why!, NOW_MS),
      /until 2027-.* would cost 0\.00000039 OPEN, for 0\.00001 OPEN in fees/,
    )
    deepEqual(about(WAIT + LONGEST), [])
    block(core, 7, NOW_MS + 3000, fees({ gasWei: 1n, byteWei: MOST_WEI * GAS }))
    const [data] = about(WAIT)
    deepEqual(data, { ...why, costWei: GAS + BYTES * MOST_WEI * GAS })
    const payer = addressNumber(GATEWAY)
    core.ledger.escrows.set(payer, { ...core.ledger.escrows.get(payer)!, balanceWei: 1n })
    deepEqual(about(WAIT), [], 'it waits for its payer')
  })
})

/** Of a batch that collects. */
function dataOf(number: number) {
  return {
    ...{
      number,
      previous: hashNumber(number),
      receipts: [],
      pages: [],
      carries: [],
      charges: [],
    },
    ...{ collects: true, epoch: 1, proposer: addressNumber(VALIDATORS[0]) },
    ...{ strictness: 1, answers: 0, payees: 0 },
  }
}

describe('prices', () => {
  const price = fc.bigInt({ min: 0n, max: 9n })
  const prices = fc.record({ gasWei: price, byteWei: price })
  const gas = (gasWei: bigint): Prices => ({ gasWei, byteWei: 0n })

  it('are known to have been cheap since the last block that was dearer', () => {
    const blocks = fc.array(prices, { minLength: 1, maxLength: 40 })
    const limits = fc.record({ perGas: price, perByte: price, mostWei: fc.bigInt(0n, 99n) })
    fc.assert(
      fc.property(blocks, limits, (told, { perGas, perByte, mostWei }) => {
        const isCheap = ({ gasWei, byteWei }: Prices) =>
          gasWei * perGas + byteWei * perByte <= mostWei
        const known = new PriceHistory()
        for (const [at, one] of told.entries()) known.add(one, at)
        const last = told.findLastIndex((one) => !isCheap(one))
        const since = last < 0 ? Number.NEGATIVE_INFINITY : last + 1
        equal(known.cheapSince(isCheap), last === told.length - 1 ? undefined : since)
        deepEqual(known.newest, told.at(-1))
      }),
      { numRuns: 500 },
    )
  })

  it('say when they become known, and unknown', () => {
    const known = new PriceHistory()
    const told = [undefined, gas(5n), gas(4n), undefined, undefined, gas(6n)]
    deepEqual(
      told.map((one, at) => known.add(one, at)),
      [false, true, false, true, false, true],
    )
    equal(
      known.cheapSince(() => true),
      Number.NEGATIVE_INFINITY,
    )
  })

  it('are kept in bounded room', () => {
    const known = new PriceHistory()
    for (let at = 0; at < 10_000; at++) known.add(gas(BigInt(20_000 - at)), at)
    const noMoreThan =
      (mostWei: bigint) =>
      ({ gasWei }: Prices) =>
        gasWei <= mostWei
    equal(known.cheapSince(noMoreThan(10_001n)), 9999)
    equal(known.cheapSince(noMoreThan(20_000n)), 9999 - 256)
    const steady = new PriceHistory()
    for (let at = 0; at < 1000; at++) steady.add(gas(5n), at)
    equal(steady.cheapSince(noMoreThan(5n)), Number.NEGATIVE_INFINITY)
  })
})
