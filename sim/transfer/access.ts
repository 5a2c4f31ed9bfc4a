/**
 * Lines to the internet, in megabits a second, which are bits a microsecond. Round figures of what is sold as such, entered
 * by hand, not measured by us.
 */
export const ACCESS = {
  home: { upMbps: 20, downMbps: 100 },
  fibre: { upMbps: 300, downMbps: 300 },
  datacentre: { upMbps: 1000, downMbps: 1000 },
} as const
export type Access = keyof typeof ACCESS

/** How many times slower a straggler's line is. */
export const STRAGGLER_TIMES = 10

/** Whole microseconds that so many bytes take on a line. */
export function takesUs(bytes: number, mbps: number): number {
  return Math.ceil((bytes * 8) / mbps)
}
