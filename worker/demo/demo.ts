/** `tributary demo`: the whole river on one machine, from a folder of documentation to money in a contributor's account. */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { nodeHere } from '../cli/client.ts'
import { seconds } from '../cli/progress.ts'
import { sleep } from '../sleep.ts'
import { ask, askBase, PROMPTS } from './asking.ts'
import { type Actor, accountFor, Cast } from './cast.ts'
import { publishDatanet } from './datanet.ts'
import { DemoError } from './errors.ts'
import { takeFolder } from './folder.ts'
import { MemoryWatch } from './memory.ts'
import { type DemoResult, summary } from './result.ts'
import { claimOne, finish, readPayouts, verifyOne } from './settling.ts'
import { dim, good, Story, strong } from './story.ts'
import { fineTune } from './tuning.ts'
import { Watching } from './watching.ts'

export interface DemoOptions {
  readonly folder: string
  readonly killWorker: boolean
  readonly cheat: boolean
  readonly json: boolean
  readonly keep: boolean
}

const WORKERS = 3
const VALIDATORS = 3
/** Short, as a demo is. */
const WINDOW_SECONDS = 4
/** Questions at the most, where nobody's data stands out from the noise. */
const MAX_ANSWERS = 9
const STAKE = ['--stake', '100']

export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<DemoResult> {
  const story = new Story(options.json)
  const folder = resolve(options.folder)
  using _taken = await takeFolder(folder)
  const seed = randomBytes(32)
  story.chapter('An L2 of its own')
  const cast = await Cast.open(
    { folder, signal, windowSeconds: WINDOW_SECONDS },
    accountFor('treasury', seed).address,
  )
  const memory = new MemoryWatch(() => cast.pids)
  try {
    const { chainId, addresses } = cast.deployment
    const contracts = Object.keys(addresses).length
    story.line(`anvil in OP mode, chain ${chainId}, ${contracts} contracts deployed`)
    const { watching, fates } = await raise(story, cast, options, signal)
    try {
      const parts = await flow(options, story, cast, watching, seed, signal)
      const { killed, ...chapters } = parts
      if (killed) fates.set(killed, 'killed in the middle of its job, and came back')
      const result: DemoResult = {
        processes: cast.actors.map((actor) => processOf(actor, fates)),
        ...chapters,
        durationMs: Math.round(story.elapsedMs),
        peakRssBytes: memory.peakRssBytes,
      }
      story.chapter('What came of it')
      story.plain(summary(result))
      if (options.keep) await linger(story, cast, signal)
      return result
    } finally {
      await watching.stop()
    }
  } finally {
    memory.stop()
    await cast.stop()
  }
}

/** Starts the nodes from one bootstrap address, waits until they know each other, and then kills the bootstrap. */
async function raise(story: Story, cast: Cast, { cheat }: DemoOptions, signal: AbortSignal) {
  story.chapter('Seven nodes that know one address')
  const bootstrap = await cast.start('bootstrap', 'worker', [], [])
  await cast.waitUntilUp(bootstrap)
  const known = bootstrap.addresses
  const gateway = await cast.start('gateway', 'gateway', [...STAKE, '--escrow', '100'], known)
  for (let i = 1; i <= WORKERS; i++) {
    const manner = cheat && i === 1 ? ['--misbehave', 'skip-adapter'] : []
    await cast.start(`worker ${i}`, 'worker', [...STAKE, ...manner], known)
  }
  for (let i = 1; i <= VALIDATORS; i++)
    await cast.start(`validator ${i}`, 'validator', STAKE, known)
  const bar = story.bar('starting')
  const nodes = cast.actors.filter((actor) => actor !== bootstrap)
  let up = 0
  await Promise.all(
    nodes.map(async (actor) => {
      await cast.waitUntilUp(actor)
      bar.update(++up, nodes.length)
    }),
  )
  bar.end()
  for (const { name, node, process: child } of nodes) {
    story.line(`${strong(name.padEnd(12))} ${dim(`process ${child.pid}`)}  ${node}`)
  }
  const watching = new Watching(gateway.api)
  await acquainted(nodes, signal)
  story.line(`found each other through kad-dht from ${dim(known[0] ?? '')}`)
  await cast.kill(bootstrap)
  story.line(`the bootstrap process is ${good('killed')}; nobody needs it any more`)
  const fates = new Map<Actor, string>([[bootstrap, 'killed once the others had met']])
  return { watching, fates }
}

const MEET_WAIT_MS = 60_000

/** Until each node has all others in the mesh. */
async function acquainted(nodes: readonly Actor[], signal: AbortSignal): Promise<void> {
  const untilMs = Date.now() + MEET_WAIT_MS
  for (const actor of nodes) {
    for (;;) {
      const response = await fetch(`${actor.api}/v1/status`, { signal })
      const { subscribers } = (await response.json()) as { subscribers: number }
      // The bootstrap peer listens too, so there is one more than the others.
      if (subscribers >= nodes.length) break
      if (Date.now() > untilMs) {
        throw new DemoError(
          `${actor.name} met ${subscribers} of ${nodes.length} peers in a minute.`,
        )
      }
      await sleep(100, signal)
    }
  }
}

/** Data in, a model, answers, money out. */
async function flow(
  options: DemoOptions,
  story: Story,
  cast: Cast,
  watching: Watching,
  seed: Uint8Array,
  signal: AbortSignal,
) {
  const { folder, killWorker, cheat } = options
  story.chapter('A datanet of documentation')
  const { result: datanet, names } = await publishDatanet(story, watching, seed, signal)
  const texts = { manifest: datanet.manifest, names: [...names.values()] }
  story.chapter('A model made of it')
  const tuned = await fineTune(story, cast, watching, texts, killWorker, signal)
  story.chapter('Questions, and whose data answers')
  const { adapter } = tuned.result
  const asking = { story, cast, watching, adapter, names, cheat, signal, prompts: PROMPTS }
  const base = await askBase(asking)
  const { answers: asked, caught } = await ask(asking)
  story.chapter('Money to those who gave')
  const settling = { story, cast, watching, folder: resolve(folder), seed, names, signal }
  const answers = await finish(settling, asked)
  let payouts = await readPayouts(settling)
  while (!payouts.some(({ account }) => names.has(account)) && answers.length < MAX_ANSWERS) {
    story.line('nobody has cleared the noise floor yet: what is theirs waits for the next batch')
    const prompts = [PROMPTS[answers.length % PROMPTS.length]!]
    const more = await ask({ ...asking, prompts, cheat: false })
    answers.push(...(await finish(settling, more.answers)))
    payouts = await readPayouts(settling)
  }
  const claim = await claimOne(settling, payouts)
  const verified = await verifyOne(settling, answers[0]!)
  const said = { base, answers, caught, payouts, claim, verified }
  return { datanet, fineTune: tuned.result, ...said, killed: tuned.killed }
}

function processOf(
  actor: Actor,
  fates: ReadonlyMap<Actor, string>,
): DemoResult['processes'][number] {
  const { name, role, node, process: child } = actor
  return { name, role, node, pid: child.pid ?? 0, fate: fates.get(actor) ?? 'ran to the end' }
}

async function linger(story: Story, cast: Cast, signal: AbortSignal): Promise<void> {
  story.chapter('The network keeps running')
  story.line(`L2 ${cast.anvil.url}`)
  for (const { name, api } of cast.running) story.line(`${name.padEnd(12)} ${api}/v1/status`)
  const gateway = cast.actors.find(({ role }) => role === 'gateway')!
  // Commands find the gateway of a demo by themselves where it lies in its usual folder.
  const where = nodeHere()?.api === gateway.api ? '' : ` --node ${gateway.api}`
  story.line(`for OpenAI's clients: ${strong(`${gateway.api}/v1`)}`)
  story.line(
    `after ${seconds(story.elapsedMs)}: ask it with ${strong(`npx tributary ask${where} "…"`)}; Ctrl-C ends it`,
  )
  await new Promise<void>((wake) => {
    if (signal.aborted) wake()
    signal.addEventListener('abort', () => wake(), { once: true })
  })
}
