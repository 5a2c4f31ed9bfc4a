/** What a run of depth K came to: who found the content, how soon, and among whom newcomers are after a minute. */
import type { Source } from './fetch.ts'
import type { RoutingRun, Standing } from './routing-run.ts'

const SECOND_US = 1_000_000

export interface RoutingReport {
  /** Share of those that wanted the content and got it. */
  readonly foundShare: number
  /** Share of them to whom the DHT named somebody who has it. */
  readonly namedShare: number
  /** Until half and nine tenths of all had it; where fewer got it, until the last gave up. */
  readonly p50Seconds: number
  readonly p90Seconds: number
  /** Shares of all by where it came from: told of by bitswap, named by the DHT, asked straight, asked beyond neighbours. */
  readonly byNeighbours: number
  readonly byProviders: number
  readonly byAsking: number
  readonly byAround: number
  /** Of those that each holder told of the content, honest ones, mean. */
  readonly honestTold: number
  /** Of newcomers after a minute: shares with an honest neighbour at all, and with one of six drawn; 0 where nobody came. */
  readonly metShare: number
  readonly meshShare: number
  /** Their neighbours, mean, and the share of honest ones among them. */
  readonly neighbours: number
  readonly honestShare: number
  /** Questions of all lookups, for each that wanted the content. */
  readonly asked: number
  /** Records that attackers took in; these, and all that attackers answered. */
  readonly swallowed: number
  readonly attacks: number
  /** Seconds of virtual time. */
  readonly virtualSeconds: number
  readonly hash: string
}

export function reportOf(run: RoutingRun): RoutingReport {
  const { fetches, standings, network, told, swallowed } = run
  const { attacks, asked } = network.counters
  const took = tookUsOf(run)
  const longestUs = Math.max(...fetches.map(({ sinceUs, endUs }) => endUs - sinceUs))
  const after = (share: number) =>
    (took[Math.ceil(share * fetches.length) - 1] ?? longestUs) / SECOND_US
  const from = (wanted: Source) => shareOf(fetches, ({ source }) => source === wanted)
  return {
    foundShare: shareOf(fetches, ({ isFound }) => isFound),
    namedShare: shareOf(fetches, ({ hasProvider }) => hasProvider),
    p50Seconds: after(0.5),
    p90Seconds: after(0.9),
    byNeighbours: from('neighbours'),
    byProviders: from('providers'),
    byAsking: from('asking'),
    byAround: from('around'),
    honestTold: (told - swallowed) / network.scenario.holders,
    ...standingOf(standings),
    asked: asked / Math.max(1, fetches.length),
    ...{ swallowed, attacks: attacks + swallowed },
    virtualSeconds: network.nowUs / SECOND_US,
    hash: network.hash.digest,
  }
}

/** How long each took that has it, the fastest first, in microseconds. */
export function tookUsOf({ fetches }: RoutingRun): number[] {
  const took = fetches.filter(({ isFound }) => isFound).map(({ tookUs }) => tookUs)
  return took.sort((a, b) => a - b)
}

function standingOf(standings: readonly Standing[]) {
  return {
    metShare: shareOf(standings, ({ honest }) => honest > 0),
    meshShare: shareOf(standings, ({ isInMesh }) => isInMesh),
    neighbours: meanOf(standings.map(({ neighbours }) => neighbours)),
    honestShare: meanOf(
      standings.map(({ honest, neighbours }) => honest / Math.max(1, neighbours)),
    ),
  }
}

function shareOf<T>(all: readonly T[], is: (one: T) => boolean): number {
  return meanOf(all.map((one) => Number(is(one))))
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
