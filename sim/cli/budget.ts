/** How long a study will take, and in how much memory: what would take too much is refused before it starts. */
import { availableParallelism, totalmem } from 'node:os'
import { populationOf } from '../economy/population.ts'
import { bytesOf } from '../gossip/scenario.ts'
import { lookupsOf, bytesOf as routingBytesOf } from '../routing/scenario.ts'
import { blocksOf, linksOf, bytesOf as transferBytesOf, wantersOf } from '../transfer/scenario.ts'
import { type Arm, dataOf, economyOf, gossipOf, protocolOf, routingOf, transferOf } from './arms.ts'
import { Refusal } from './refusal.ts'
import type { Study } from './scenario-file.ts'

/**
 * As measured with `npm run bench -- sim --only gossip`: a node's share of one message at ten thousand nodes and D = 8.
 * Memory that is far away makes it grow with the number of nodes, to twice as much at a hundred thousand.
 */
const MESSAGE_SECONDS = 1.6e-6
const SECOND_SECONDS = 0.4e-6
const GROWTH = 0.3
/** Depth P: every node hears every message, and each job makes about so many. */
const JOB_SECONDS = 80e-6
const RUN_SECONDS = 0.05
const PROTOCOL_BYTES = 200 * 2 ** 20
/** Depth E: a node's hour, and what a node takes, with room to spare (`npm run bench -- sim --only economy`). */
const EPOCH_SECONDS = 5e-8
const ECONOMY_BYTES = 1000
/** Depth T: a block that comes to a node, with its neighbours hearing of it. */
const BLOCK_SECONDS = 15e-6
/** Depth K: a lookup, and a node that stands in everybody's table. */
const LOOKUP_SECONDS = 4e-3
const KNOWN_SECONDS = 0.5e-6
/** At depth D, of a contributor at an answer; and what it takes. */
const SCORE_SECONDS = 4e-6
const SCORE_BYTES = 400
const SETTLEMENT_BYTES = 400
/** What a thread takes before it runs anything. */
const THREAD_BYTES = 80 * 2 ** 20

export interface Limits {
  readonly threads: number
  readonly mostHours: number
  readonly memoryBytes: number
}

export const LIMITS: Limits = {
  threads: availableParallelism(),
  mostHours: 12,
  memoryBytes: 0.7 * totalmem(),
}

export interface Budget {
  readonly runs: number
  readonly threads: number
  readonly cpuSeconds: number
}

/** Throws `Refusal` saying how much it is, and what would do. */
export function budgetOf(study: Study, arms: readonly Arm[], limits: Limits = LIMITS): Budget {
  const each = arms.map(({ settings }) => costOf(study, settings))
  const runs = arms.length * study.seeds.length
  const cpuSeconds = study.seeds.length * each.reduce((sum, { seconds }) => sum + seconds, 0)
  const bytes = each.reduce((most, cost) => Math.max(most, cost.bytes), 0) + THREAD_BYTES
  if (bytes > limits.memoryBytes) {
    throw new Refusal(
      `the largest arm takes about ${mebibytes(bytes)} MiB, and ${mebibytes(limits.memoryBytes)} may be used here; take fewer nodes`,
    )
  }
  const threads = Math.max(
    1,
    Math.min(limits.threads, runs, Math.floor(limits.memoryBytes / bytes)),
  )
  const hours = cpuSeconds / threads / 3600
  if (hours > limits.mostHours) {
    const times = Math.ceil(hours / limits.mostHours)
    throw new Refusal(
      `${arms.length} arms × ${study.seeds.length} seeds are ${runs} runs of about ${Math.ceil(hours)} hours in all on ${threads} threads, and ${limits.mostHours} are allowed; ` +
        `take ${times} times fewer arms, seeds, nodes or messages, or allow it with --most-hours ${Math.ceil(hours)}`,
    )
  }
  return { runs, threads, cpuSeconds }
}

function costOf(study: Study, settings: Arm['settings']): { seconds: number; bytes: number } {
  if (study.depth === 'protocol') {
    const { workers, validators, jobs } = protocolOf(settings, 1)
    const nodes = 1 + workers + validators
    return { seconds: RUN_SECONDS + JOB_SECONDS * jobs * nodes ** 2, bytes: PROTOCOL_BYTES }
  }
  if (study.depth === 'economy') {
    const scenario = economyOf(settings, 1)
    const { workers, validators, ringValidators } = populationOf(scenario, 1, 1)
    const nodes = workers + validators + ringValidators
    const seconds = RUN_SECONDS + 2 * EPOCH_SECONDS * nodes * scenario.epochs
    return { seconds, bytes: ECONOMY_BYTES * nodes }
  }
  if (study.depth === 'transfer') return transferCostOf(settings)
  if (study.depth === 'routing') return routingCostOf(settings)
  if (study.depth === 'data') return dataCostOf(settings)
  const scenario = gossipOf(settings, 1)
  const nodes = scenario.nodes + scenario.sybils
  const virtualSeconds = 8 + (scenario.messages * scenario.intervalMs) / 1000
  const byNode =
    MESSAGE_SECONDS * scenario.messages * (scenario.degree / 8) + SECOND_SECONDS * virtualSeconds
  const seconds = RUN_SECONDS + nodes * (nodes / 10_000) ** GROWTH * byNode
  return { seconds, bytes: bytesOf(scenario) }
}

/** Two years of scores, one for each contributor and answer. */
function dataCostOf(settings: Arm['settings']): { seconds: number; bytes: number } {
  const { contributors, settlements, answers } = dataOf(settings, 1)
  const scores = contributors * answers
  const seconds = RUN_SECONDS + 2 * SCORE_SECONDS * scores * settlements
  return { seconds, bytes: SCORE_BYTES * scores + SETTLEMENT_BYTES * settlements }
}

/** Where all neighbours are asked, all of them send. */
function transferCostOf(settings: Arm['settings']): { seconds: number; bytes: number } {
  const scenario = transferOf(settings, 1)
  const copies = scenario.asking === 'all' ? linksOf(scenario) / scenario.nodes : 1
  const seconds = RUN_SECONDS + BLOCK_SECONDS * wantersOf(scenario) * blocksOf(scenario) * copies
  return { seconds, bytes: transferBytesOf(scenario) }
}

/** Tables of all are made, and neighbours of many. */
function routingCostOf(settings: Arm['settings']): { seconds: number; bytes: number } {
  const scenario = routingOf(settings, 1)
  const all = scenario.nodes + scenario.newcomers + scenario.sybils
  const seconds =
    RUN_SECONDS + LOOKUP_SECONDS * lookupsOf(scenario) + KNOWN_SECONDS * scenario.nodes * all
  return { seconds, bytes: routingBytesOf(scenario) }
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20)
}

/** Virtual seconds of all runs, to show how far they are. Depth P ends when all is settled: about after the workload. */
export function virtualSecondsOf(study: Study, settings: Arm['settings']): number {
  if (study.depth === 'protocol') return protocolOf(settings, 1).workloadMs / 1000 + 30
  if (study.depth === 'economy') return 3600 * economyOf(settings, 1).epochs
  if (study.depth === 'transfer') return transferSecondsOf(settings)
  if (study.depth === 'routing') return 240
  if (study.depth === 'data') return 365 * 86_400
  const { messages, intervalMs } = gossipOf(settings, 1)
  return 8 + (messages * intervalMs) / 1000
}

/** As if each got 4 MiB a second: a guess, only to show how far runs are. */
function transferSecondsOf(settings: Arm['settings']): number {
  const { fileMiB, arriveOverMs } = transferOf(settings, 1)
  return arriveOverMs / 1000 + fileMiB / 4
}
