import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'mocha'
import { readRecording } from '../../sim/cli/recording-file.ts'
import { Rerun } from '../../sim/rerun.ts'
import type { JobView } from '../../worker/api/views.ts'
import type { Why } from '../../worker/api/why.ts'
import { Client, nodeIn } from '../../worker/cli/client.ts'
import { type Actor, accountFor, Cast } from '../../worker/demo/cast.ts'
import { Archive } from '../../worker/receipts/archive.ts'
import { checkReceipt } from '../../worker/receipts/check.ts'
import { removeFolder, testFolder } from '../harness/folders.ts'

const PROGRAM = fileURLToPath(new URL('../../worker/cli/main.ts', import.meta.url))
const SEED = Buffer.alloc(32, 7)

interface Logprobs {
  readonly token_logprobs: readonly number[]
  readonly top_logprobs: readonly Record<string, number>[]
}

interface Completion {
  readonly id: string
  readonly choices: readonly {
    readonly text: string
    readonly logprobs: Logprobs | null
  }[]
  readonly tributary: { readonly job: JobView }
}

/** One network of real processes; each test goes on where the one before it ended. */
describe('real processes', () => {
  const folder = testFolder('processes')
  const stop = new AbortController()
  let cast: Cast
  let gateway: Actor
  let workers: Actor[]
  let validators: Actor[]

  before(async () => {
    const treasury = accountFor('treasury', SEED).address
    cast = await Cast.open({ folder, signal: stop.signal, windowSeconds: 1 }, treasury)
    gateway = await start('gateway', 'gateway', ['--escrow', '100'], [])
    await cast.waitUntilUp(gateway)
    const known = gateway.addresses
    workers = []
    validators = []
    for (const i of [1, 2]) {
      // The second asks for exactly what the gateway bids.
      const terms = i === 2 ? ['--ask-answer', '0.001', '--max-jobs', '8'] : []
      workers.push(await start(`worker ${i}`, 'worker', terms, known))
    }
    for (const i of [1, 2, 3]) {
      validators.push(await start(`validator ${i}`, 'validator', [], known))
    }
    await Promise.all([...workers, ...validators].map((actor) => cast.waitUntilUp(actor)))
    await until(async () => (await statusOf(gateway)).subscribers === 5)
    // A worker that has not read of the other's stake would take each job for its own.
    for (const actor of cast.actors) {
      await until(async () => {
        const { members } = await statusOf(actor)
        return members.workers === 2 && members.validators === 3
      })
    }
  })

  after(async () => {
    stop.abort()
    await cast?.stop()
    removeFolder(folder)
  })

  const recordingOf = (name: string): string => join(folder, `${name}.ndjson`)

  function start(
    name: string,
    role: Actor['role'],
    extra: readonly string[],
    known: readonly string[],
  ): Promise<Actor> {
    const common = ['--stake', '100', '--record', recordingOf(name)]
    return cast.start(name, role, [...common, ...extra], known)
  }

  const client = (): Client => new Client(gateway.api)
  const ask = (prompt: string, more = {}): Promise<Completion> => {
    const body = { model: 'brook-4m', prompt, max_tokens: 6, temperature: 0.7, ...more }
    return client().post('/completions', body)
  }

  /** Asks, and comes back with the job as soon as the gateway has accepted it. */
  async function order(prompt: string, maxTokens = 6): Promise<string> {
    const body = { model: 'brook-4m', prompt, max_tokens: maxTokens, stream: true }
    const before = new Set((await jobs()).map(({ jobId }) => jobId))
    const watching = new AbortController()
    const stream = client().events('/completions', watching.signal, body)
    stream.next().catch(() => undefined)
    try {
      return await found(async () => (await jobs()).find(({ jobId }) => !before.has(jobId))?.jobId)
    } finally {
      watching.abort()
    }
  }

  const jobs = (): Promise<JobView[]> => client().get('/jobs')

  /** What a node says of its part in a job. */
  async function whyOf(actor: Actor, jobId: string): Promise<string[]> {
    const { reasons } = await new Client(actor.api).get<Why>(`/jobs/${jobId}/why`)
    return reasons.map(({ code }) => code)
  }
  const jobState = async (jobId: string): Promise<string> =>
    (await client().get<JobView>(`/jobs/${jobId}`)).state

  it('leave word in their folders for the commands that look for them', () => {
    const about = nodeIn(join(folder, 'gateway'))
    assert.equal(about?.api, gateway.api)
    assert.equal(about?.rpc.length, 1)
    // Addresses of RPCs have keys in them.
    assert.equal(statSync(join(folder, 'gateway/node.json')).mode & 0o077, 0)
  })

  it('answer, check, settle, and leave a receipt that holds offline', async () => {
    const { id, choices, tributary } = await ask('The purpose of this proposal', { logprobs: 2 })
    const { text, logprobs } = choices[0]!
    assert.ok(text.length > 0)
    assert.ok(logprobs!.token_logprobs.every((one) => one <= 0))
    assert.equal(Object.keys(logprobs!.top_logprobs[0]!).length, 2)
    assert.ok(tributary.job.accepted!.votes.filter(({ verdict }) => verdict === 'pass').length >= 2)
    await until(async () => (await jobState(id)) === 'final')
    const receipt = await client().bytes(`/jobs/${id}/receipt`)
    const { checks } = await checkReceipt(await Archive.open(receipt))
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    )
    const did = await Promise.all(workers.map((worker) => whyOf(worker, id)))
    const one = did.find((codes) => codes.includes('paid-as-worker'))
    const other = did.find((codes) => codes.includes('turn-never-came'))
    assert.deepEqual(one, ['claimed', 'settled', 'paid-as-worker'])
    assert.deepEqual(other, ['turn-never-came', 'no-validator', 'settled'])
    // By its first digits too, as people write it.
    assert.deepEqual(await whyOf(gateway, id.slice(0, 12)), [
      'no-worker',
      'no-validator',
      'settled',
    ])
  })

  it('say what was wrong with a request, and go on', async () => {
    const wrong = [
      [{ model: 'brook-4m' }, /prompt/],
      [{ model: 'brook-4m', prompt: '' }, /prompt/],
      [{ model: 'brook-4m', prompt: 'x', max_tokens: 0 }, /max_tokens/],
      [{ model: 'brook-4m', prompt: 'word '.repeat(1000) }, /room/],
      [{ model: 'bafynone', prompt: 'x' }, /no model/],
    ] as const
    for (const [body, message] of wrong) {
      await assert.rejects(client().post('/completions', body), message)
    }
    const broken = await fetch(`${gateway.api}/v1/completions`, { method: 'POST', body: '{' })
    assert.equal(broken.status, 400)
    await assert.rejects(client().get('/jobs/rivers'), /rivers is no job/)
    await assert.rejects(client().get('/nothing'), /There is no GET/)
    await assert.rejects(client().post('/fine-tunes', { datanet: 'none' }), /datanet/)
  })

  it('refuse an empty and a binary document at the door, with the reason', async () => {
    const contributor = accountFor('somebody', SEED).address
    const offer = (content: Buffer) => ({
      contributor,
      name: 'notes',
      licence: 'CC0-1.0',
      content: content.toString('base64'),
    })
    const publish = (content: Buffer) =>
      client().post('/datanets', { name: 'door', contributions: [offer(content)] })
    await assert.rejects(publish(Buffer.alloc(0)), /no text is left|add prose/)
    await assert.rejects(publish(Buffer.from([0xff, 0x00, 0x13, 0x37])), /UTF-8|control/)
  })

  it('finish a job whose worker is killed the moment it has the turn', async () => {
    const jobId = await order('Abstract', 60)
    const { turn } = await client().get<JobView>(`/jobs/${jobId}`)
    const victim = cast.byNode(turn?.worker ?? '') ?? workers[0]!
    await cast.kill(victim)
    await until(async () => (await jobState(jobId)) === 'final')
    const { accepted } = await client().get<JobView>(`/jobs/${jobId}`)
    assert.notEqual(accepted!.worker, victim.node)
    await cast.revive(victim)
    await until(async () => (await statusOf(victim)).subscribers >= 4)
  })

  it('lose no accepted job when the gateway is killed right after accepting it', async () => {
    const jobId = await order('Motivation')
    await cast.kill(gateway)
    await cast.revive(gateway)
    await until(async () => (await jobState(jobId)) === 'final')
  })

  it('keep to their word when validators are killed in the middle of it', async () => {
    const jobId = await order('Specification')
    for (const validator of validators.slice(0, 2)) await cast.kill(validator)
    await Promise.all(validators.slice(0, 2).map((validator) => cast.revive(validator)))
    await until(async () => (await jobState(jobId)) === 'final')
    for (const actor of [gateway, ...workers, validators[2]!]) {
      const { judged } = await statusOf(actor)
      assert.equal(judged['contradicts'] ?? 0, 0, `${actor.name} heard a contradiction`)
    }
  })

  it('live through the death of the chain, and settle when it is back', async () => {
    await cast.anvil.stop()
    const jobId = await order('Rationale')
    await until(async () => (await jobState(jobId)) !== 'open')
    await cast.reviveChain()
    await until(async () => (await jobState(jobId)) === 'final', 90_000)
  })

  it('say how many batches their coins pay for', async () => {
    for (const actor of validators) {
      const { purse } = await statusOf(actor)
      assert.ok(BigInt(purse.balanceWei) > 0n && BigInt(purse.posts) > 1000n, actor.name)
    }
  })

  it('say which port and which folder are taken', async () => {
    const port = new URL(gateway.api).port
    const common = ['--rpc', cast.anvil.url, '--deployment', join(folder, 'deployment.json')]
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--log-level', 'silent']
    const samePort = ['--data', join(folder, 'other'), '--api-port', port]
    const taken = await run(['start', ...common, ...listen, ...samePort])
    assert.equal(taken.code, 1)
    assert.match(taken.stderr, new RegExp(`${port}.*Choose another port`))
    const sameFolder = ['--data', gateway.folder, '--api-port', '0']
    const locked = await run(['start', ...common, ...listen, ...sameFolder])
    assert.equal(locked.code, 1)
    assert.match(locked.stderr, /in use by process/)
  })

  it('end cleanly on Ctrl-C', async () => {
    const validator = validators[0]!
    const gone = new Promise<number | null>((resolve) => validator.process.once('exit', resolve))
    validator.process.kill('SIGINT')
    assert.equal(await gone, 0)
  })

  it('did nothing all the while that a replay of their recordings does not do again', () => {
    for (const { name } of cast.actors) {
      const rerun = new Rerun()
      for (const { line, number } of readRecording(recordingOf(name)).lines) {
        assert.equal(rerun.feed(line, number), undefined, name)
      }
      const { byJudgement, starts } = rerun.told
      assert.ok((byJudgement['admitted'] ?? 0) > 30, name)
      if (name === 'gateway') assert.equal(starts, 2)
    }
  })

  interface Status {
    readonly subscribers: number
    readonly members: { readonly workers: number; readonly validators: number }
    readonly judged: Record<string, number>
    readonly purse: { readonly balanceWei: string; readonly posts: string }
  }

  function statusOf(actor: Actor): Promise<Status> {
    return new Client(actor.api).get('/status')
  }
})

/** Runs the program to its end. */
function run(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (part: Buffer) => {
      stderr += part.toString()
    })
    child.once('exit', (code) => resolve({ code, stderr }))
  })
}

/** Waits until something is so; a node that is just starting may not answer yet. */
async function until(wanted: () => Promise<boolean>, waitMs = 60_000): Promise<void> {
  await found(async () => ((await wanted()) ? true : undefined), waitMs)
}

async function found<T>(look: () => Promise<T | undefined>, waitMs = 60_000): Promise<T> {
  const endMs = performance.now() + waitMs
  for (;;) {
    const value = await look().catch(() => undefined)
    if (value !== undefined) return value
    if (performance.now() > endMs) throw new Error(`not so after ${waitMs} ms: ${look}`)
    await new Promise<void>((wake) => setTimeout(wake, 100))
  }
}
