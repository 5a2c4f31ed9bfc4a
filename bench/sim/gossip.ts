/** Depth F at ten thousand and at a hundred thousand nodes: how much faster than real time, in how much memory. */
import type { GossipReport } from '../../sim/gossip/report.ts'
import type { GossipScenario } from '../../sim/gossip/scenario.ts'
import type { Figure } from '../figure.ts'
import { here, printed } from './process.ts'

export interface GossipMeasured {
  readonly seconds: number
  readonly peakBytes: number
  readonly report: GossipReport
}

/** One message a second, so that messages are virtual seconds; the mesh's forming and the last arrivals come on top. */
const SIZES = [
  { nodes: 10_000, messages: 600, leastRatio: 30, mostMebibytes: 150 },
  { nodes: 100_000, messages: 60, leastRatio: 2.5, mostMebibytes: 300 },
] as const

export function runGossip(change: Partial<GossipScenario>): Promise<GossipMeasured> {
  return printed(process.execPath, here('gossip-process.ts'), JSON.stringify(change))
}

export async function* gossip(say: (line: string) => void): AsyncIterable<Figure> {
  for (const { nodes, messages, leastRatio, mostMebibytes } of SIZES) {
    const what = `depth F: ${nodes.toLocaleString('en')} nodes, ${messages} virtual seconds, 1 message/s`
    say(`${what} …`)
    const few = await runGossip({ nodes, messages })
    const full = await runGossip({ nodes, messages, elides: false })
    if (few.report.deliveryHash !== full.report.deliveryHash) {
      throw new Error(`${what}: with elision other deliveries than without`)
    }
    const { report, seconds } = few
    yield {
      name: `${what}: virtual time by CPU time`,
      value: messages / seconds,
      unit: '×',
      bar: { atLeast: leastRatio },
      note: `${told(few)}; ${report.elided} arrivals elided; p50 ${report.p50Ms} ms, p99 ${report.p99Ms} ms, ${report.duplicates.toFixed(2)} duplicates a delivery, reach ${report.reach}, deliveries ${report.deliveryHash}`,
    }
    yield {
      name: `${what}: the same without elision`,
      value: messages / full.seconds,
      unit: '×',
      note: `${told(full)}; the same deliveries`,
    }
    yield {
      name: `${what}: most memory resident`,
      value: Math.max(few.peakBytes, full.peakBytes) / 2 ** 20,
      unit: 'MiB',
      bar: { atMost: mostMebibytes },
    }
  }
}

function told({ seconds, report: { events } }: GossipMeasured): string {
  return `${events} events in ${seconds.toFixed(1)} CPU seconds, ${(events / seconds / 1e6).toFixed(2)} M/s`
}
