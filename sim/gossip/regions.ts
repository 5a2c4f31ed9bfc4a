/**
 * Where nodes are, and how far that is. The times are typical round trips between regions of public clouds, in
 * milliseconds: plausible round figures in the range that providers publish, entered by hand, not measured by us.
 */
interface Region {
  readonly name: string
  /** Share of the nodes, in hundredths. */
  readonly share: number
  /** Round trips to the regions from the first to this one itself, in milliseconds. */
  readonly roundTripsMs: readonly number[]
}

export const REGIONS: readonly Region[] = [
  { name: 'us-east', share: 22, roundTripsMs: [2] },
  { name: 'us-west', share: 16, roundTripsMs: [65, 2] },
  { name: 'sao-paulo', share: 4, roundTripsMs: [115, 175, 2] },
  { name: 'london', share: 12, roundTripsMs: [76, 135, 185, 2] },
  { name: 'frankfurt', share: 20, roundTripsMs: [90, 145, 200, 15, 2] },
  { name: 'dubai', share: 2, roundTripsMs: [190, 235, 290, 110, 105, 2] },
  { name: 'mumbai', share: 4, roundTripsMs: [190, 220, 300, 115, 115, 35, 2] },
  { name: 'singapore', share: 8, roundTripsMs: [220, 165, 325, 170, 160, 90, 60, 2] },
  { name: 'tokyo', share: 8, roundTripsMs: [150, 100, 260, 215, 225, 160, 125, 70, 2] },
  { name: 'sydney', share: 4, roundTripsMs: [200, 140, 315, 265, 280, 185, 150, 95, 105, 2] },
]

/** The way from a node to its provider: from a rack to a home. */
export const LAST_MILE_US = [500, 6000] as const

/** Microseconds one way between two regions, without the last miles. */
export function oneWayUs(from: number, to: number): number {
  return REGIONS[Math.max(from, to)]!.roundTripsMs[Math.min(from, to)]! * 500
}

/** The region of a node whose lot is `lot`, 0 .. 99. */
export function regionOf(lot: number): number {
  let below = 0
  return REGIONS.findIndex(({ share }) => {
    below += share
    return lot < below
  })
}
