/** How jobs fall beside the stake that they follow. */

/** As many as can be told apart in a picture. */
const MOST_GROUPS = 100

/**
 * Workers by their stake, the least first, in groups of one size, or of one more. What a worker of each group stakes and does
 * on average, [stake, load], each beside the mean of all: 1 is an equal share.
 */
export function loadOf(stakes: readonly number[], jobs: readonly number[]): number[][] {
  const order = [...stakes.keys()].sort((one, other) => stakes[one]! - stakes[other]!)
  const groups = Math.min(MOST_GROUPS, order.length)
  const [stake, load] = [mean(stakes), mean(jobs)]
  const startOf = (group: number) => Math.floor((group * order.length) / groups)
  return Array.from({ length: groups }, (_, group) => {
    const members = order.slice(startOf(group), startOf(group + 1))
    return [
      beside(mean(members.map((worker) => stakes[worker]!)), stake),
      beside(mean(members.map((worker) => jobs[worker]!)), load),
    ]
  })
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function beside(value: number, all: number): number {
  return all === 0 ? 0 : value / all
}
