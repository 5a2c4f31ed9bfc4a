/**
 * Seats in proportion to stake. On a wheel on which each member has as much room as it has stake, the seats are points at
 * equal distances: whoever holds less than one distance has one seat at the most, and the chance of it is linear in its
 * stake. So splitting a stake over many nodes gains no seats, and neither does laying it together.
 * Source: systematic sampling with unequal probabilities, W. G. Madow, Ann. Math. Stat. 20 (1949).
 */
export const DRAW_BITS = 64n

/**
 * Those who sit, in the order in which they stand on the wheel, nobody twice.
 * @param order members in an order that nobody could choose
 * @param draw in 0 … 2^64 - 1: where the first point lies
 */
export function seatsAmong<T extends { readonly stakeWei: bigint }>(
  order: readonly T[],
  seats: number,
  draw: bigint,
): T[] {
  const totalWei = order.reduce((sum, { stakeWei }) => sum + stakeWei, 0n)
  const scale = BigInt(seats) << DRAW_BITS
  let seat = 0n
  let upToWei = 0n
  return order.filter(({ stakeWei }) => {
    upToWei += stakeWei
    let sits = false
    // The point of a seat is (draw + seat · 2^64) · total / scale.
    while (seat < seats && (draw + (seat << DRAW_BITS)) * totalWei < upToWei * scale) {
      seat += 1n
      sits = true
    }
    return sits
  })
}
