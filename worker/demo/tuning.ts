/** Chapter: a fine-tune job finds its worker, is trained, checked and settled; with `--kill worker` it survives a murder. */
import type { Adapter } from '../../protocol/adapter.ts'
import type { JobView } from '../api/views.ts'
import { short } from '../cli/output.ts'
import { sleep } from '../sleep.ts'
import type { Actor, Cast } from './cast.ts'
import type { DemoResult, VoteResult } from './result.ts'
import { bad, good, type Story, strong } from './story.ts'
import type { NetworkEvent, Watching } from './watching.ts'

const STEPS = 120
const SEGMENT_STEPS = 20
const MAX_EXAMPLES = 448
/** Of the work, so that there is something to lose: more than two segments. */
const KILL_AFTER_SHARE = 0.3
/** More than the first segment. */
const RESUMED_SHARE = 0.12

export interface TuningChapter {
  readonly result: DemoResult['fineTune']
  readonly killed: Actor | undefined
}

export async function fineTune(
  story: Story,
  cast: Cast,
  watching: Watching,
  datanet: { readonly manifest: string; readonly names: readonly string[] },
  kill: boolean,
  signal: AbortSignal,
): Promise<TuningChapter> {
  const { client } = watching
  const laidOut = { steps: STEPS, segmentSteps: SEGMENT_STEPS, maxExamples: MAX_EXAMPLES }
  const order = { datanet: datanet.manifest, ...laidOut }
  const { jobId } = await client.post<{ jobId: string }>('/fine-tunes', order, signal)
  story.line(
    `job ${strong(short(jobId))} signed and gossiped: ${STEPS} steps, LoRA rank 8 on all linear maps`,
  )
  const watched = watchTraining(story, cast, jobId, kill)
  const off = watching.on(watched.hear)
  const settled = await watching.job(
    jobId,
    ({ state }) => state === 'settled' || state === 'final',
    signal,
  )
  story.line(
    `in batch ${settled.batch!.number} on the L2, transaction ${short(settled.batch!.txHash)}`,
  )
  const view = await watching.job(jobId, ({ state }) => state === 'final', signal)
  story.line(`batch ${view.batch!.number} is ${good('final')}`)
  const adapter = view.accepted!.output
  await registered(watching, adapter, signal)
  off()
  const about = await client.get<AdapterView>(`/jobs/${jobId}/adapter`, signal)
  story.line(`adapter ${strong(adapter)} registered; its owner earns from each answer`)
  const killed = watched.killed()
  if (killed) {
    await cast.revive(killed)
    story.line(
      `${killed.name} is ${good('back')} as process ${killed.process.pid}, with all that it had said`,
    )
  }
  story.line(
    `loss on text it never saw: ${about.heldOutLossBefore.toFixed(3)} before, ${good(about.heldOutLossAfter.toFixed(3))} after`,
  )
  tellDuplicates(story, about, datanet.names)
  return { result: resultOf(cast, view, about), killed }
}

type AdapterView = Pick<Adapter, 'losses' | 'heldOutLossBefore' | 'heldOutLossAfter' | 'index'>

/** Texts that say again what another has said, though in other words. */
function tellDuplicates(story: Story, { index }: AdapterView, names: readonly string[]): void {
  const { duplicates } = index
  if (duplicates.length === 0) return
  const most = duplicates.reduce((a, b) => (b.rows > a.rows ? b : a))
  const pair = `${strong(names[most.contribution]!)} after ${strong(names[most.earlier]!)}`
  story.line(
    `${duplicates.length} texts say some things again that an earlier one has said, and earn nothing by them; most so ${pair}`,
  )
}

/** Tells of beats, claims and votes, and kills the worker where that is asked for. */
function watchTraining(story: Story, cast: Cast, jobId: string, kill: boolean) {
  let bar = story.bar('training')
  let worker = ''
  let victim: Actor | undefined
  let isResumed = false
  const onBeat = (data: NetworkEvent['data']): void => {
    const [done, total, loss] = [
      Number(data['done']),
      Number(data['total']),
      Number(data['lossMicro']),
    ]
    if (data['worker'] !== worker) {
      worker = String(data['worker'])
      bar.end()
      bar = story.bar('training')
      story.line(
        `${strong(cast.byNode(worker)?.name ?? worker)} ${victim ? 'takes over' : 'has the turn'}`,
      )
    }
    if (victim && !isResumed && total > 0 && done > RESUMED_SHARE * total) {
      isResumed = true
      story.line(`and goes on from where ${victim.name} was: not all has to be trained again`)
    }
    // The first beat comes before it is known how much there is to do.
    if (total > 0) bar.update(done, total, loss > 0 ? `loss ${(loss / 1e6).toFixed(3)}` : '')
    const actor = cast.byNode(worker)
    if (!kill || victim || !actor || done < KILL_AFTER_SHARE * total || total === 0) return
    victim = actor
    bar.end()
    const share = `${Math.round((100 * done) / total)} %`
    story.line(bad(`kill -9 ${actor.name} at ${share} of its job (process ${actor.process.pid})`))
    void cast.kill(actor)
  }
  const hear = ({ event, data }: NetworkEvent): void => {
    if (data['jobId'] !== jobId) return
    if (event === 'beat') onBeat(data)
    if (event === 'claim') {
      bar.end()
      const name = cast.byNode(String(data['worker']))?.name
      story.line(
        `${name} claims: ${data['units']} tokens trained, states committed under ${short(String(data['commitment']))}`,
      )
      story.line('validators repeat a segment of it, which a block after the claim draws')
    }
    if (event === 'vote') tellVote(story, cast, data)
  }
  return { hear, killed: () => victim }
}

function tellVote(story: Story, cast: Cast, data: NetworkEvent['data']): void {
  const name = cast.byNode(String(data['validator']))?.name
  const verdict =
    data['verdict'] === 'pass' ? good('pass') : bad(`${data['verdict']}: ${data['reason']}`)
  story.line(`${name} ran it again (${data['checked']} checked): ${verdict}`)
}

async function registered(
  { client }: Watching,
  adapter: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const { data } = await client.get<{ data: { id: string }[] }>('/models', signal)
    if (data.some(({ id }) => id === adapter)) return
    await sleep(100, signal)
  }
}

function resultOf(cast: Cast, view: JobView, about: AdapterView): DemoResult['fineTune'] {
  const { losses } = about
  return {
    jobId: view.jobId,
    adapter: view.accepted!.output,
    worker: cast.byNode(view.accepted!.worker)?.name ?? view.accepted!.worker,
    steps: losses.length,
    lossFirst: losses[0]!,
    lossLast: losses.at(-1)!,
    heldOutLossBefore: about.heldOutLossBefore,
    heldOutLossAfter: about.heldOutLossAfter,
    verdicts: named(cast, view.accepted!.votes),
    batch: view.batch!.number,
    txHash: view.batch!.txHash,
  }
}

/** Votes with the validators called as the story calls them. */
export function named(cast: Cast, votes: JobView['claims'][number]['votes']): VoteResult[] {
  return votes.map(({ validator, verdict, reason }) => {
    return { validator: cast.byNode(validator)?.name ?? validator, verdict, reason }
  })
}
