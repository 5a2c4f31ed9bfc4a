/** How unequal incomes are. */

/** 0 where all have the same, towards 1 where one has all. */
export function gini(incomesWei: readonly bigint[]): number {
  const ascending = ascendingOf(incomesWei)
  const sum = ascending.reduce((total, wei) => total + wei, 0n)
  if (sum === 0n) return 0
  const count = BigInt(ascending.length)
  const ranked = ascending.reduce(
    (total, wei, place) => total + (2n * BigInt(place) + 1n - count) * wei,
    0n,
  )
  return Number((ranked * 1_000_000n) / (count * sum)) / 1e6
}

/** In how many steps a Lorenz curve is told. */
const STEPS = 100

/**
 * What part of the whole those with the least have together, for each hundredth of all: 0 for nobody, at last 1 for everybody.
 * Between one and the next it goes straight on, so that where all have the same, or nothing, it is the share of them itself.
 */
export function lorenz(incomesWei: readonly bigint[]): number[] {
  const ascending = ascendingOf(incomesWei)
  const upToWei = [0n]
  for (const wei of ascending) upToWei.push(upToWei.at(-1)! + wei)
  const sum = Number(upToWei.at(-1)!)
  const shareOf = (count: number) => Number(upToWei[count]!) / sum
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    if (sum === 0) return step / STEPS
    const whole = Math.floor((step * ascending.length) / STEPS)
    const part = ((step * ascending.length) % STEPS) / STEPS
    const share = shareOf(whole)
    return part === 0 ? share : share + part * (shareOf(whole + 1) - share)
  })
}

/** What part of the whole the one with the most has. */
export function topShare(incomesWei: readonly bigint[]): number {
  const sum = incomesWei.reduce((total, wei) => total + wei, 0n)
  const parts = incomesWei.map((wei) => (sum === 0n ? 0 : Number((wei * 1_000_000n) / sum)))
  return parts.reduce((most, part) => Math.max(most, part), 0) / 1e6
}

function ascendingOf(incomesWei: readonly bigint[]): bigint[] {
  return [...incomesWei].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
