import { deepEqual, equal, ok } from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import {
  CONTRIBUTOR_PLACES,
  leastFirstPayWei,
  MAX_NEWCOMERS,
  Newcomers,
} from '../../coordinator-free/newcomers.ts'
import { Owed } from '../../coordinator-free/owed.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { toHex, word } from '../../protocol/hash.ts'
import { type Payout, sumHolds, sumOf, sumRoot } from '../../protocol/merkle.ts'
import {
  accountsIn,
  areInOrder,
  blockOfPage,
  cumulativeOf,
  MAX_PAGES,
  MAX_PAYOUTS,
  PAGE_ACCOUNTS,
  PayoutPage,
  payoutOf,
  payoutRoot,
  withPayouts,
} from '../../protocol/payouts.ts'
import { cidNumber } from '../harness/messages.ts'

const shown = ({ account, cumulativeWei }: Payout) => ({
  account,
  cumulativeWei: `${cumulativeWei}`,
})

const accountOf = (number: number) => toHex(word(BigInt(number)).subarray(12)) as Address

/** Payments of some batches, among so many accounts that pages are cut. */
const batches = fc.array(
  fc.record({
    first: fc.nat(5000),
    step: fc.integer({ min: 1, max: 9 }),
    count: fc.nat(1500),
    wei: fc.bigInt({ min: 1n, max: 10n ** 20n }),
  }),
  { minLength: 1, maxLength: 6 },
)

describe('pages of payouts', () => {
  it('hold what everybody was paid, in order, and show each its way to the root', () => {
    fc.assert(
      fc.property(batches, fc.nat(), (payments, place) => {
        const paid = new Map<Address, bigint>()
        let pages: readonly PayoutPage[] = []
        for (const { first, step, count, wei } of payments) {
          const owed = new Owed(pages)
          for (let index = 0; index < count; index++) {
            const account = accountOf(first + step * index)
            owed.pay(account, wei)
            paid.set(account, (paid.get(account) ?? 0n) + wei)
          }
          const next = owed.pages()
          equal(owed.count, paid.size)
          equal(accountsIn(next), paid.size)
          pages = next
        }
        const expected = [...paid].sort(([a], [b]) => (a < b ? -1 : 1))
        deepEqual(
          pages.flat().map(({ account, cumulativeWei }) => [account, cumulativeWei]),
          expected,
        )
        ok(areInOrder(pages))
        for (const page of pages) {
          ok(page.length <= PAGE_ACCOUNTS)
          ok(page.length >= PAGE_ACCOUNTS / 2 || pages.length === 1)
          ok(PayoutPage.decode(blockOfPage(page).bytes).ok)
        }
        const root = payoutRoot(pages)
        equal(
          sumOf(root),
          [...paid.values()].reduce((sum, wei) => sum + wei, 0n),
        )
        if (expected.length === 0) return
        const [account, cumulativeWei] = expected[place % expected.length]!
        equal(cumulativeOf(pages, account), cumulativeWei)
        const payout = payoutOf(pages, account)!
        ok(sumHolds(root, payout, payout.way))
        ok(!sumHolds(root, { ...payout, cumulativeWei: cumulativeWei + 1n }, payout.way))
        const stranger = accountOf(2 ** 40)
        equal(payoutOf(pages, stranger), undefined)
        equal(cumulativeOf(pages, stranger), undefined)
      }),
      { numRuns: 40 },
    )
  }).timeout(60_000)

  it('are the same objects where nobody on them was paid', () => {
    const all = new Map(
      Array.from({ length: 5000 }, (_, index) => [accountOf(2 * index), 1n] as const),
    )
    const pages = withPayouts([], all)
    equal(pages.length, Math.ceil(5000 / PAGE_ACCOUNTS))
    const next = withPayouts(pages, new Map([[accountOf(2 * 2600 + 1), 7n]]))
    equal(next.filter((page, index) => page === pages[index]).length, pages.length - 1)
    equal(payoutRoot([pages[0]!]), sumRoot(pages[0]!))
    deepEqual(withPayouts(pages, new Map()), pages)
  })

  it('refuse disorder, and nobody at all', () => {
    const [a, b] = [1, 2].map((number) => ({ account: accountOf(number), cumulativeWei: 1n }))
    for (const page of [[], [b!, a!], [a!, a!]]) {
      ok(!PayoutPage.decode(dagCbor.encode(page.map(shown))).ok)
    }
    ok(areInOrder([[a!], [b!]]))
    ok(!areInOrder([[b!], [a!]]))
    ok(!areInOrder([[a!], [a!, b!]]))
  })

  it('have room for all accounts, however they came', () => {
    ok(MAX_PAGES * (PAGE_ACCOUNTS / 2) >= MAX_PAYOUTS)
  })
})

describe('contributors who are paid for the first time', () => {
  const adapters = [1, 2, 3].map(cidNumber)
  const parts = fc.array(
    fc.record({
      account: fc.nat(3000).map(accountOf),
      adapter: fc.constantFrom(...adapters),
      wei: fc.bigInt({ min: 0n, max: 10n ** 10n }),
    }),
    { maxLength: 4000 },
  )

  it('get a place or are carried on, to the wei; who gets none has less than whoever does', () => {
    fc.assert(
      fc.property(parts, (all) => {
        const owed = new Owed([])
        const newcomers = new Newcomers()
        const totals = new Map<Address, bigint>()
        for (const { account, adapter, wei } of all) {
          newcomers.add(account, adapter, wei)
          totals.set(account, (totals.get(account) ?? 0n) + wei)
        }
        const carried = new Map<Cid, bigint>()
        newcomers.settle(owed, (adapter, wei) =>
          carried.set(adapter, (carried.get(adapter) ?? 0n) + wei),
        )
        const payouts = owed.pages().flat()
        ok(payouts.length <= MAX_NEWCOMERS)
        let [paidWei, leastWei] = [0n, 10n ** 30n]
        for (const { account, cumulativeWei } of payouts) {
          equal(cumulativeWei, totals.get(account))
          paidWei += cumulativeWei
          if (cumulativeWei < leastWei) leastWei = cumulativeWei
          totals.delete(account)
        }
        ok(payouts.length === 0 || leastWei >= leastFirstPayWei(0))
        const carriedWei = [...carried.values()].reduce((sum, wei) => sum + wei, 0n)
        equal(
          paidWei + carriedWei,
          all.reduce((sum, { wei }) => sum + wei, 0n),
        )
        for (const wei of totals.values()) ok(wei <= leastWei)
      }),
      { numRuns: 40 },
    )
  }).timeout(60_000)

  it('pay more for a place the more are taken', () => {
    equal(leastFirstPayWei(0), 10n ** 9n)
    ok(leastFirstPayWei(MAX_PAYOUTS / 2) > 3n * 10n ** 13n)
    for (let places = 0; places < CONTRIBUTOR_PLACES; places += 4000) {
      equal(leastFirstPayWei(places + 16_000), 2n * leastFirstPayWei(places))
    }
  })
})
