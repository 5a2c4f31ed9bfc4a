/** `tributary status`: what a node knows about itself and its jobs. */
import { Command } from 'commander'
import { formatOpen } from '../../protocol/open-amount.ts'
import type { JobView } from '../api/views.ts'
import { Client, nodeUrl } from './client.ts'
import { print, printJson, short, table } from './output.ts'

/** The newest. */
const SHOWN_JOBS = 10

interface Status {
  readonly node: string
  readonly owner: string
  readonly peerId: string
  readonly roles: readonly string[]
  readonly beacon: string
  readonly staked: { readonly roles: readonly string[]; readonly stakeWei: string } | null
  readonly purse: { readonly balanceWei: string; readonly posts: string | null } | null
  readonly peers: number
  readonly head: number | null
  readonly members: { readonly workers: number; readonly validators: number }
  readonly openJobs: number
  readonly lastBatch: number
  readonly judged: Readonly<Record<string, number>>
}

export function statusCommand(): Command {
  return new Command('status')
    .description('how a node is doing, and its newest jobs')
    .option('--node <url>', 'any node [TRIBUTARY_NODE]')
    .option('--json', 'one JSON object on standard output')
    .action(status)
}

async function status(options: { node?: string; json?: boolean }): Promise<void> {
  const client = new Client(nodeUrl(options.node))
  const [about, jobs] = await Promise.all([
    client.get<Status>('/status'),
    // A node knows thousands: programs may want them all.
    client.get<JobView[]>(options.json ? '/jobs' : `/jobs?newest=${SHOWN_JOBS}`),
  ])
  if (options.json) return printJson({ ...about, jobs })
  const { workers, validators } = about.members
  const refused = Object.entries(about.judged).filter(([reason]) => reason !== 'admitted')
  print(
    table([
      ['node', about.node],
      ['owner', about.owner],
      ['peer id', about.peerId],
      ['roles', about.roles.join(', ')],
      ['checks by', about.beacon === 'drand' ? 'rounds of drand' : 'hashes of blocks'],
      [
        'stake',
        about.staked
          ? `${formatOpen(BigInt(about.staked.stakeWei))} OPEN`
          : about.roles.some((role) => role !== 'gateway')
            ? 'none: it gets no work. Start it with --stake'
            : 'none, and a gateway needs none',
      ],
      ['coins', purseInWords(about)],
      [
        'network',
        `${about.peers} peers${about.peers === 0 ? ', nobody is reached' : ''}; ${workers} workers and ${validators} validators staked`,
      ],
      ['chain', `block ${about.head ?? '?'}, batch ${about.lastBatch}`],
      [
        'messages',
        `${about.judged['admitted'] ?? 0} admitted${refused.map(([reason, count]) => `, ${count} ${reason}`).join('')}`,
      ],
    ]),
  )
  if (jobs.length === 0) return
  const rows = jobs.map((job) => [
    short(job.jobId),
    job.task,
    job.refused ? 'refused' : job.state,
    job.accepted
      ? short(job.accepted.worker)
      : job.turn
        ? `${short(job.turn.worker)} (turn ${job.turn.attempt + 1})`
        : '',
    job.batch ? `batch ${job.batch.number}` : '',
  ])
  print('')
  print(table(rows, ['job', 'task', 'state', 'worker', '']))
}

/** Of the node's own account, which pays for what it sends to the chain. */
function purseInWords({ purse, roles }: Status): string {
  if (!purse) return 'not known yet'
  const balance = `${formatOpen(BigInt(purse.balanceWei))} OPEN for transactions`
  if (purse.posts === null || !roles.includes('validator')) return balance
  const posts = BigInt(purse.posts)
  if (posts === 0n) return `${balance}: too little to post a batch, send the node more`
  return `${balance}: enough to post ${posts.toLocaleString('en', { notation: 'compact' })} batches`
}
