/** `tributary finetune`: orders an adapter from a datanet and watches it being made. */
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { REFUSALS } from '../../coordinator-free/reason-words.ts'
import type { Adapter } from '../../protocol/adapter.ts'
import type { TuneOrder } from '../api/orders.ts'
import type { JobView } from '../api/views.ts'
import { positive, whole } from './ask.ts'
import { Client, ClientError, nodeUrl } from './client.ts'
import { print, printJson, say, short } from './output.ts'
import { startProgress } from './progress.ts'

interface FineTuneOptions {
  readonly node?: string
  readonly base?: string
  readonly from?: string
  readonly steps?: number
  readonly parts: number
  readonly maxExamples?: number
  readonly dropout?: number
  readonly patience?: number
  readonly json?: boolean
}

type About = Pick<Adapter, 'index' | 'losses'>

const LOOK_MS = 500

export function finetuneCommand(): Command {
  return new Command('finetune')
    .description('fine-tune a base model on a datanet')
    .argument('[datanet]', "content id of a datanet version's manifest; none with --from")
    .option('--node <url>', 'a gateway [TRIBUTARY_NODE]')
    .option('--base <model>', "a base model's name or content id (default: the gateway's first)")
    .option('--from <adapter>', 'go on with the run that made this one')
    .option(
      '--steps <n>',
      'training steps (default: 120; with --from as many as the part before)',
      whole,
    )
    .option('--parts <n>', 'jobs that the steps are done in, one after the other', whole, 1)
    .option('--max-examples <n>', 'examples taken from the datanet (default: 448)', whole)
    .option('--dropout <share>', "share of the adapter's inputs dropped in training", positive)
    .option('--patience <n>', 'end after so many segments that did not help', whole)
    .option('--json', 'one JSON object on standard output')
    .action((datanet: string | undefined, options: FineTuneOptions) => finetune(datanet, options))
}

async function finetune(datanet: string | undefined, options: FineTuneOptions): Promise<void> {
  const client = new Client(nodeUrl(options.node))
  let order = firstOrder(datanet, options)
  for (let part = 1; ; part++) {
    const tune = await client.post<TuneOrder>('/fine-tunes', order)
    const [done, all] = [tune.firstStep + tune.steps, tune.runSteps]
    const which = tune.steps === all ? '' : `: steps ${tune.firstStep + 1} to ${done} of ${all}`
    say(`job ${tune.jobId}${which}`)
    say(`it is worked on even if this command ends: tributary why ${tune.jobId}`)
    const isLast = part === options.parts || done === all
    const view = await watch(client, tune.jobId, isLast ? ['final'] : ['settled', 'final'])
    const adapter = view.accepted!.output
    const about = await client.get<About>(`/jobs/${tune.jobId}/adapter`)
    const isEarly = about.losses.length < tune.steps
    if (isEarly) say(`ended early, after ${about.losses.length} steps: more did not help`)
    if (isLast || isEarly) {
      if (options.json) printJson(view)
      else tell(adapter, view, about, done === all || isEarly)
      return
    }
    say(`if this ends here, go on with: tributary finetune --from ${adapter}`)
    order = { from: adapter }
  }
}

/** What is not said is left to the gateway's defaults. */
function firstOrder(datanet: string | undefined, options: FineTuneOptions): object {
  const { base: model, from, steps, parts, maxExamples, dropout, patience } = options
  if ((datanet === undefined) === (from === undefined)) {
    throw new ClientError(
      'Say either a datanet to begin with or --from and an adapter to go on from.',
    )
  }
  const inParts = steps === undefined ? steps : Math.ceil(steps / parts)
  if (from === undefined) {
    if (parts > 1 && steps === undefined) throw new ClientError('--parts needs --steps.')
    return { model, datanet, steps: inParts, runSteps: steps, maxExamples, dropout, patience }
  }
  if ([model, maxExamples, dropout].some((given) => given !== undefined)) {
    throw new ClientError(
      '--base, --max-examples and --dropout are as the run began; leave them out.',
    )
  }
  return { from, steps: inParts, patience }
}

function tell(adapter: string, view: JobView, { index }: About, isOver: boolean): void {
  say(
    `made by ${short(view.accepted!.worker)}, in batch ${view.batch?.number}; ask it: tributary ask --model ${adapter} "…"`,
  )
  if (!isOver) say(`its run has more steps: tributary finetune --from ${adapter}`)
  if (index.duplicates.length > 0) {
    const rows = index.duplicates.reduce((sum, { rows }) => sum + rows, 0)
    say(
      `${index.duplicates.length} contributions say again what an earlier one says, and earn nothing by ${rows} of its ${index.examples} examples`,
    )
  }
  print(adapter)
}

/**
 * Until the job is in one of these states. Once it is settled another may go on from its adapter; when it is final the
 * adapter is registered, and its owner is paid for each answer.
 */
async function watch(
  client: Client,
  jobId: string,
  wanted: readonly JobView['state'][],
): Promise<JobView> {
  const progress = startProgress('fine-tune')
  for (;;) {
    const view = await client.get<JobView>(`/jobs/${jobId}`)
    if (wanted.includes(view.state)) {
      progress.end()
      return view
    }
    const why = inVain(view)
    if (why !== undefined) {
      progress.end()
      throw new ClientError(`${why} Why, from this node: tributary why ${jobId}`)
    }
    const { done, total } = view.progress ?? { done: 0, total: 0 }
    progress.update(view.claims.length > 0 ? total : done, total, stageOf(view))
    await setTimeout(LOOK_MS)
  }
}

/** Where the job stands, in words. */
export function stageOf({ state, claims, progress, turn, batch }: JobView): string {
  const loss = progress?.loss ?? 0
  if (state === 'open') {
    if (loss > 0) return `loss ${loss.toFixed(3)}`
    return turn ? 'a worker has it' : 'waits for a worker'
  }
  if (state === 'settled') return `in batch ${batch?.number}, which is not final yet`
  if (state === 'accepted') return 'accepted, waits for its batch'
  return `claimed, checked by ${claims.at(-1)?.votes.length ?? 0} validators so far`
}

/** Why nothing comes of the job, in words; nothing while something may. */
export function inVain({ jobId, state, refused }: JobView): string | undefined {
  if (state === 'lapsed')
    return `No adapter was accepted in the time of job ${jobId}; order it again.`
  if (!refused) return undefined
  const reasons = [...new Set(refused)].map((reason) => REFUSALS[reason]).join('; ')
  return `No worker takes job ${jobId}: ${reasons}.`
}
