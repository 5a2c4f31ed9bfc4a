/** `tributary finetune`: orders an adapter from a datanet and watches it being made. */
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { REFUSALS } from '../../coordinator-free/reason-words.ts'
import type { Adapter } from '../../protocol/adapter.ts'
import type { JobView } from '../api/views.ts'
import { positive, whole } from './ask.ts'
import { Client, ClientError, nodeUrl } from './client.ts'
import { print, printJson, say, short } from './output.ts'
import { startProgress } from './progress.ts'

interface FineTuneOptions {
  readonly node?: string
  readonly steps?: number
  readonly maxExamples?: number
  readonly dropout?: number
  readonly patience?: number
  readonly json?: boolean
}

const LOOK_MS = 500

export function finetuneCommand(): Command {
  return new Command('finetune')
    .description('fine-tune the base model on a datanet')
    .argument('<datanet>', "content id of a datanet version's manifest")
    .option('--node <url>', 'a gateway [TRIBUTARY_NODE]')
    .option('--steps <n>', 'training steps (default: 120)', whole)
    .option('--max-examples <n>', 'examples taken from the datanet (default: 448)', whole)
    .option('--dropout <share>', "share of the adapter's inputs dropped in training", positive)
    .option('--patience <n>', 'end after so many segments that did not help', whole)
    .option('--json', 'one JSON object on standard output')
    .action((datanet: string, options: FineTuneOptions) => finetune(datanet, options))
}

async function finetune(datanet: string, options: FineTuneOptions): Promise<void> {
  const client = new Client(nodeUrl(options.node))
  // What is not said is left to the gateway's defaults.
  const { steps, maxExamples, dropout, patience } = options
  const spec = { datanet, steps, maxExamples, dropout, patience }
  const { jobId } = await client.post<{ jobId: string }>('/fine-tunes', spec)
  say(`job ${jobId}`)
  const view = await watch(client, jobId)
  const adapter = view.accepted!.output
  if (options.json) return printJson(view)
  const { index } = await client.get<Pick<Adapter, 'index'>>(`/jobs/${jobId}/adapter`)
  say(
    `made by ${short(view.accepted!.worker)}, in batch ${view.batch?.number}; ask it: tributary ask --model ${adapter} "…"`,
  )
  if (index.duplicates.length > 0) {
    const rows = index.duplicates.reduce((sum, { rows }) => sum + rows, 0)
    say(
      `${index.duplicates.length} contributions say again what an earlier one says, and earn nothing by ${rows} of its ${index.examples} examples`,
    )
  }
  print(adapter)
}

/** Until the job is final: then the adapter is registered, and its owner is paid for each answer. */
async function watch(client: Client, jobId: string): Promise<JobView> {
  const progress = startProgress('fine-tune')
  for (;;) {
    const view = await client.get<JobView>(`/jobs/${jobId}`)
    if (view.state === 'final') {
      progress.end()
      return view
    }
    const why = inVain(view)
    if (why !== undefined) {
      progress.end()
      throw new ClientError(`${why} Why, from this node: tributary why ${jobId}`)
    }
    const { done, total, loss } = view.progress ?? { done: 0, total: 0, loss: 0 }
    progress.update(done, total, `${view.state}${loss > 0 ? `, loss ${loss.toFixed(3)}` : ''}`)
    await setTimeout(LOOK_MS)
  }
}

/** Why nothing comes of the job, in words; nothing while something may. */
export function inVain({ jobId, state, refused }: JobView): string | undefined {
  if (state === 'lapsed')
    return `No adapter was accepted in the time of job ${jobId}; order it again.`
  if (!refused) return undefined
  const reasons = [...new Set(refused)].map((reason) => REFUSALS[reason]).join('; ')
  return `No worker takes job ${jobId}: ${reasons}.`
}
