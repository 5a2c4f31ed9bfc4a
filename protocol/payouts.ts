/**
 * What everybody may have claimed in all: accounts in ascending order, cut into pages, each a block of its own. A batch
 * changes few of them, and the others are those of the batch before. The tree over a page is a part of the tree over all.
 */
import { z } from 'zod'
import { type Block, document } from './document.ts'
import { type Address, address, wei } from './fields.ts'
import type { Hash } from './hash.ts'
import { held } from './held.ts'
import { joinedRoot, joinedWay, type Payout, sumRoot, sumWay, type Way } from './merkle.ts'

/** A page with more is cut. Each that a batch pays on is published anew: of 32 payees, at most 0.8 MB. */
export const PAGE_ACCOUNTS = 256
/** Accounts that were ever paid, all over the network: some 50 MB. */
export const MAX_PAYOUTS = 500_000
/** Where a page is cut, each part is half full at the least, and nobody ever leaves. */
export const MAX_PAGES = Math.ceil(MAX_PAYOUTS / (PAGE_ACCOUNTS / 2))

/** At 97 bytes an account. */
export const PayoutPage = document(
  'payout page',
  28 * 1024,
  z
    .array(z.strictObject({ account: address, cumulativeWei: wei }))
    .min(1)
    .max(PAGE_ACCOUNTS)
    .refine((page) => isAscending(page), 'accounts are not in ascending order'),
)
export type PayoutPage = readonly Payout[]

/** True where pages follow one another as their accounts do. */
export function areInOrder(pages: readonly PayoutPage[]): boolean {
  return pages.every((page, index) => {
    const before = pages[index - 1]
    return !before || before.at(-1)!.account < page[0]!.account
  })
}

/** The block in which a page lies. Most pages outlast many batches, so it is kept with them. */
export function blockOfPage(page: PayoutPage): Block {
  return held(BLOCKS, page, () => PayoutPage.encode([...page]))
}

const BLOCKS = new WeakMap<PayoutPage, Block>()

function rootOfPage(page: PayoutPage): Hash {
  return held(ROOTS, page, () => sumRoot(page))
}

const ROOTS = new WeakMap<PayoutPage, Hash>()

/** Merkle-sum root over all pages. */
export function payoutRoot(pages: readonly PayoutPage[]): Hash {
  return joinedRoot(pages.map(rootOfPage))
}

/** What an account may have claimed, with its way to the root; `undefined` where it was never paid. */
export function payoutOf(
  pages: readonly PayoutPage[],
  account: Address,
): (Payout & { readonly way: Way }) | undefined {
  const found = find(pages, account)
  if (!found) return undefined
  const { number, index, payout } = found
  const within = sumWay(pages[number]!, index)
  const among = joinedWay(pages.map(rootOfPage), number)
  return {
    ...payout,
    way: {
      path: within.path | (among.path << BigInt(within.siblings.length)),
      siblings: [...within.siblings, ...among.siblings],
    },
  }
}

export function cumulativeOf(pages: readonly PayoutPage[], account: Address): bigint | undefined {
  return find(pages, account)?.payout.cumulativeWei
}

/** On which page an account stands, and at which place. */
function find(pages: readonly PayoutPage[], account: Address) {
  const number = pageOf(pages, account)
  const page = pages[number] ?? []
  const index = firstWhere(page.length, (place) => page[place]!.account >= account)
  const payout = page[index]
  return payout?.account === account ? { number, index, payout } : undefined
}

export function accountsIn(pages: readonly PayoutPage[]): number {
  return pages.reduce((sum, page) => sum + page.length, 0)
}

/** The pages with these payouts instead of earlier ones of the same accounts, or besides. Others are the same objects. */
export function withPayouts(
  pages: readonly PayoutPage[],
  changed: ReadonlyMap<Address, bigint>,
): readonly PayoutPage[] {
  const byPage = new Map<number, Map<Address, bigint>>()
  for (const [account, cumulativeWei] of changed) {
    const number = pageOf(pages, account)
    const some = byPage.get(number) ?? new Map<Address, bigint>()
    byPage.set(number, some.set(account, cumulativeWei))
  }
  const before = pages.length === 0 ? [[]] : pages
  return before.flatMap((page, number) => {
    const some = byPage.get(number)
    return some ? cut(merged(page, some)) : [page].filter(({ length }) => length > 0)
  })
}

function merged(page: PayoutPage, changed: ReadonlyMap<Address, bigint>): Payout[] {
  const all = new Map(page.map(({ account, cumulativeWei }) => [account, cumulativeWei]))
  for (const [account, cumulativeWei] of changed) all.set(account, cumulativeWei)
  return [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, cumulativeWei]) => ({ account, cumulativeWei }))
}

/** As few parts as there can be, as equal as they can be. */
function cut(payouts: Payout[]): PayoutPage[] {
  const parts = Math.ceil(payouts.length / PAGE_ACCOUNTS)
  const startOf = (part: number) => Math.floor((part * payouts.length) / parts)
  return Array.from({ length: parts }, (_, part) => {
    return payouts.slice(startOf(part), startOf(part + 1))
  })
}

/** Number of the page on which an account stands, or would stand. */
function pageOf(pages: readonly PayoutPage[], account: Address): number {
  return Math.max(0, firstWhere(pages.length, (number) => pages[number]![0]!.account > account) - 1)
}

/** The first of so many numbers that something is true of, as it is of all behind it. */
function firstWhere(count: number, isTrue: (number: number) => boolean): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isTrue(middle)) high = middle
    else low = middle + 1
  }
  return low
}

function isAscending(payouts: readonly Pick<Payout, 'account'>[]): boolean {
  return payouts.every(({ account }, index) => index === 0 || payouts[index - 1]!.account < account)
}
