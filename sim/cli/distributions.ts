/** How far two distributions are apart: the Kolmogorov–Smirnov and the first Wasserstein distance. */

/** A distribution as steps: `share[i]` of all lies at or below `at[i]`. */
export interface Distribution {
  /** Rising. */
  readonly at: readonly number[]
  /** Rising to 1. */
  readonly share: readonly number[]
}

/** Where so much lies at each of these places, in any order. Throws `RangeError` where there is nothing. */
export function distributionOf(
  masses: Iterable<readonly [at: number, mass: number]>,
): Distribution {
  const sorted = [...masses].filter(([, mass]) => mass > 0).sort(([a], [b]) => a - b)
  const all = sorted.reduce((sum, [, mass]) => sum + mass, 0)
  if (all === 0) throw new RangeError('a distribution of nothing')
  let sum = 0
  const share = sorted.map(([, mass]) => {
    sum += mass
    return sum / all
  })
  // However the sums were rounded.
  share[share.length - 1] = 1
  return { at: sorted.map(([at]) => at), share }
}

/** The same from samples, each as likely as the others. */
export function sampled(samples: readonly number[]): Distribution {
  return distributionOf(samples.map((at) => [at, 1] as const))
}

/** All of these together, each as heavy as the others. */
export function mixed(distributions: readonly Distribution[]): Distribution {
  return distributionOf(
    distributions.flatMap(({ at, share }) =>
      at.map((place, index) => [place, share[index]! - (share[index - 1] ?? 0)] as const),
    ),
  )
}

/** The least place at or below which this share lies. */
export function quantileOf({ at, share }: Distribution, wanted: number): number {
  return at[share.findIndex((part) => part >= wanted)] ?? at.at(-1)!
}

export function meanOf({ at, share }: Distribution): number {
  return at.reduce(
    (sum, place, index) => sum + place * (share[index]! - (share[index - 1] ?? 0)),
    0,
  )
}

/** The greatest difference between the shares at or below any place, 0 .. 1. */
export function kolmogorovSmirnov(one: Distribution, other: Distribution): number {
  let most = 0
  walk(one, other, (difference) => {
    most = Math.max(most, Math.abs(difference))
  })
  return most
}

/** How far what lies in the one must be moved, on average, to make the other of it; in the places' own unit. */
export function wasserstein(one: Distribution, other: Distribution): number {
  let area = 0
  walk(one, other, (difference, width) => {
    area += Math.abs(difference) * width
  })
  return area
}

/** Takes both from step to step: by how much their shares differ from here on, and how wide that is. */
function walk(
  one: Distribution,
  other: Distribution,
  take: (difference: number, width: number) => void,
): void {
  const [first, second] = [shareAt(one), shareAt(other)]
  const places = [...new Set([...one.at, ...other.at])].sort((a, b) => a - b)
  places.forEach((place, index) => {
    take(first(place) - second(place), (places[index + 1] ?? place) - place)
  })
}

/** The share at or below places that are asked for in rising order. */
function shareAt({ at, share }: Distribution): (place: number) => number {
  let next = 0
  return (place) => {
    while (next < at.length && at[next]! <= place) next++
    return share[next - 1] ?? 0
  }
}
