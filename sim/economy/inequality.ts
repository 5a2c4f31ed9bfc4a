/** How unequal incomes are. */

/** 0 where all have the same, towards 1 where one has all. */
export function gini(incomesWei: readonly bigint[]): number {
  const ascending = [...incomesWei].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const sum = ascending.reduce((total, wei) => total + wei, 0n)
  if (sum === 0n) return 0
  const count = BigInt(ascending.length)
  const ranked = ascending.reduce(
    (total, wei, place) => total + (2n * BigInt(place) + 1n - count) * wei,
    0n,
  )
  return Number((ranked * 1_000_000n) / (count * sum)) / 1e6
}

/** What part of the whole the one with the most has. */
export function topShare(incomesWei: readonly bigint[]): number {
  const sum = incomesWei.reduce((total, wei) => total + wei, 0n)
  const parts = incomesWei.map((wei) => (sum === 0n ? 0 : Number((wei * 1_000_000n) / sum)))
  return parts.reduce((most, part) => Math.max(most, part), 0) / 1e6
}
