/**
 * `npm run sim:recordings`: a network of real processes with real libp2p and a chain of its own, each node recorded; three of
 * the recordings are kept, gzipped, in sim/recordings. To be made anew when the rules or the forms of messages
 * have changed: a replay compares with what the rules of that day did. `-- FOLDER` writes elsewhere.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants, gzipSync } from 'node:zlib'
import type { JobView } from '../../worker/api/views.ts'
import { Client } from '../../worker/cli/client.ts'
import { type Actor, accountFor, Cast } from '../../worker/demo/cast.ts'
import { removeFolder, testFolder } from './folders.ts'
import { contributionsOf } from './small-network.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TARGET = process.argv[2] ?? join(ROOT, 'sim/recordings')
const KEPT = ['gateway', 'worker 1', 'validator 1']
const SEED = Buffer.alloc(32, 16)
const CONTRIBUTORS = 6
const WAIT_MS = 120_000
const PROMPTS = ['The purpose of this proposal', 'Abstract', 'Motivation', 'This module is']

const folder = testFolder('recordings')
const stop = new AbortController()
process.once('SIGINT', () => stop.abort(new Error('interrupted')))
const treasury = accountFor('treasury', SEED).address
const cast = await Cast.open({ folder, signal: stop.signal, windowSeconds: 2 }, treasury)
try {
  const client = await raise()
  const adapter = await tune(client)
  await answers(client, adapter)
  await mishaps(client)
} finally {
  await cast.stop()
}
keep()
removeFolder(folder)

async function raise(): Promise<Client> {
  const gateway = await start('gateway', 'gateway', ['--escrow', '100'], [])
  await cast.waitUntilUp(gateway)
  const known = gateway.addresses
  await start('worker 1', 'worker', [], known)
  await start('worker 2', 'worker', [], known)
  for (const i of [1, 2, 3]) await start(`validator ${i}`, 'validator', [], known)
  await Promise.all(cast.actors.map((actor) => cast.waitUntilUp(actor)))
  const client = new Client(gateway.api)
  await until(async () => (await subscribersOf(client)) === cast.actors.length - 1)
  say(`${cast.actors.length} nodes are up`)
  return client
}

function start(
  name: string,
  role: Actor['role'],
  extra: readonly string[],
  known: readonly string[],
): Promise<Actor> {
  const record = ['--record', fileOf(name), '--stake', '100']
  return cast.start(name, role, [...record, ...extra], known)
}

/** A datanet of some packages' documentation, and an adapter of it. */
async function tune(client: Client): Promise<string> {
  const contributions = await contributionsOf(SEED, CONTRIBUTORS, stop.signal)
  const { manifest } = await client.post<{ manifest: string }>('/datanets', {
    name: 'recorded',
    contributions,
  })
  const order = { datanet: manifest, steps: 20, segmentSteps: 10, maxExamples: 48 }
  const { jobId } = await client.post<{ jobId: string }>('/fine-tunes', order)
  const view = await settled(client, jobId)
  say('an adapter is trained and settled')
  return view.accepted!.output
}

async function answers(client: Client, adapter: string): Promise<void> {
  for (const model of ['brook-4m', adapter]) {
    const asked = await Promise.all(PROMPTS.map((prompt) => ask(client, model, prompt, 8)))
    for (const jobId of asked) await settled(client, jobId)
    say(`${PROMPTS.length} answers of ${model.slice(0, 12)} are settled`)
  }
}

/** A worker dies in its turn, and a validator and the gateway die and come back. */
async function mishaps(client: Client): Promise<void> {
  const asking = ask(client, 'brook-4m', 'Specification', 60)
  const victim = await found(async () => {
    const views = await client.get<JobView[]>('/jobs')
    return views.map(({ turn }) => turn && cast.byNode(turn.worker)).find((actor) => actor)
  })
  await cast.kill(victim)
  await settled(client, await asking)
  await cast.revive(victim)
  for (const name of ['validator 1', 'gateway']) {
    const actor = cast.actors.find((one) => one.name === name)!
    await cast.kill(actor)
    await cast.revive(actor)
  }
  const again = new Client(cast.actors[0]!.api)
  await until(async () => (await subscribersOf(again)) === cast.actors.length - 1)
  await settled(again, await ask(again, 'brook-4m', 'Rationale', 8))
  say('a worker, a validator and the gateway were killed, and are back')
}

async function ask(client: Client, model: string, prompt: string, tokens: number): Promise<string> {
  const body = { model, prompt, max_tokens: tokens, temperature: 0.7 }
  return (await client.post<{ id: string }>('/completions', body)).id
}

function settled(client: Client, jobId: string): Promise<JobView> {
  return found(async () => {
    const view = await client.get<JobView>(`/jobs/${jobId}`)
    return view.state === 'final' ? view : undefined
  })
}

async function subscribersOf(client: Client): Promise<number> {
  return (await client.get<{ subscribers: number }>('/status')).subscribers
}

function keep(): void {
  mkdirSync(TARGET, { recursive: true })
  for (const name of KEPT) {
    const target = join(TARGET, `${nameOf(name)}.ndjson.gz`)
    rmSync(target, { force: true })
    const packed = gzipSync(readFileSync(fileOf(name)), { level: constants.Z_BEST_COMPRESSION })
    writeFileSync(target, packed)
    say(`${target}: ${packed.length} bytes`)
  }
}

function fileOf(name: string): string {
  return join(folder, 'recordings', `${nameOf(name)}.ndjson`)
}

function nameOf(name: string): string {
  return name.replace(' 1', '').replaceAll(' ', '-')
}

async function until(wanted: () => Promise<boolean>): Promise<void> {
  await found(async () => ((await wanted()) ? true : undefined))
}

/** A node that is just starting may not answer yet. */
async function found<T>(look: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + WAIT_MS
  for (;;) {
    const value = await look().catch(() => undefined)
    if (value !== undefined) return value
    if (performance.now() > endMs) throw new Error(`not so after ${WAIT_MS} ms: ${look}`)
    await new Promise<void>((wake) => setTimeout(wake, 50))
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
