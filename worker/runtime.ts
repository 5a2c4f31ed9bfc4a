/**
 * The loop around the core: events in, effects out, and the only timer. It decides nothing. An effect that fails is
 * reported back as an event, and the core says when to try again.
 *
 * A core cannot unlearn. So when the chain takes blocks back, a new one is built in the old one's place (`rebuild`): in
 * go the chain's facts that still hold, this node's journal, and all signed messages that the old core held, judged
 * anew. What was said stands in the journal and is never said otherwise. Effects under way belong to the old core: they
 * are called off, for what they work on, such as the seed that a block gave a fine-tuning, may be void; an outcome that
 * comes nevertheless is dropped. What still falls due, the new core orders again, and it goes on from what the effects
 * keep themselves: the content store, the fine-tune's states, the outbox.
 */
import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Duty, Effect, Event, Judgement, News } from '../coordinator-free/events.ts'
import { envelopesOf } from '../coordinator-free/ledger.ts'
import type { Core } from '../coordinator-free/node.ts'
import type { ChainFact } from '../protocol/chain.ts'
import type { Block } from '../protocol/document.ts'
import { open, seal } from '../protocol/envelope.ts'
import type { Hash } from '../protocol/hash.ts'
import type { Job } from '../protocol/job.ts'
import { type Audience, audienceOf, type Message, slotOf } from '../protocol/message.ts'
import { MAX_AHEAD_MS } from '../protocol/params.ts'
import type { Domain } from '../protocol/struct.ts'
import { sleep } from './sleep.ts'
import { StorageError } from './storage/errors.ts'
import type { Journal } from './storage/journal.ts'
import type { Recorder } from './storage/recorder.ts'
import type { Logger } from './telemetry/logger.ts'

/** Carries out one kind of duty. What it returns is the outcome; nothing means done. */
export type Performer<K extends Duty['kind']> = (
  duty: Extract<Duty, { kind: K }>,
  signal: AbortSignal,
) => Promise<Event | undefined>

export type Performers = { readonly [K in Exclude<Duty['kind'], 'publish'>]: Performer<K> }

export interface RuntimeOptions {
  /** A core that knows nothing yet. */
  readonly createCore: () => Core
  readonly journal: Journal
  readonly privateKey: Uint8Array
  readonly domain: Domain
  readonly log: Logger
  /** Writes down all that the core is given. */
  readonly recorder?: Recorder | undefined
}

/** The node's ways to others; they exist only once the network is up. */
export interface Outside {
  readonly performers: Performers
  publish(bytes: Uint8Array, to: Audience): Promise<void>
  keep(block: Block): Promise<unknown>
  /** Asks a neighbour for what this node lacks. */
  reconcile(have: readonly Hash[], signal: AbortSignal): Promise<Uint8Array[]>
}

/** Wakes are this far apart at least; and at most, lest a clock that was set leaves the node asleep. */
const WAKE_MS = { least: 10, most: 1000 } as const
/** A disk that is full for less than an hour costs no block that others rely on. */
const KEEP_AGAIN_MS = 1000
const KEEP_TRIES = 12
/** How often a wait looks at the ledger. */
const LOOK_MS = 50

export class Runtime {
  /** Verdicts on bytes from others, counted by reason: what `status` shows. */
  readonly judged = new Map<string, number>()
  readonly #options: RuntimeOptions
  readonly #stop = new AbortController()
  #core: Core
  /** Ends with the core that it belongs to. */
  #life = new AbortController()
  readonly #listeners = new Set<(news: News) => void>()
  readonly #submissions = new Map<Hash, { job: Job; accepted: (jobId: Hash) => void }>()
  readonly #underWay = new Set<Promise<void>>()
  /** Effects from before the network was up. */
  #early: Effect[] | undefined = []
  #outside: Outside | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: RuntimeOptions) {
    this.#core = options.createCore()
    this.#options = options
  }

  /** Not to be kept: a reorganised chain puts another in its place. */
  get core(): Core {
    return this.#core
  }

  /** Says again what was said, then lets everything out that has been waiting. */
  start(outside: Outside): void {
    for (const bytes of this.#options.journal.statements()) {
      this.dispatch({ kind: 'received', bytes, via: 'journal' })
    }
    this.#outside = outside
    const early = this.#early ?? []
    this.#early = undefined
    for (const effect of early) this.#perform(effect)
    this.#sleep()
  }

  /** Until time alone makes something due. What happens meanwhile sets the time anew. */
  #sleep(): void {
    if (this.#early || this.#stop.signal.aborted) return
    clearTimeout(this.#timer)
    const nowMs = Date.now()
    const sleepMs = Math.ceil(this.#core.wakeAtMs(nowMs)) - nowMs
    const waitMs = Math.min(WAKE_MS.most, Math.max(WAKE_MS.least, sleepMs))
    this.#timer = setTimeout(() => this.dispatch({ kind: 'tick' }), waitMs)
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stop.abort(new Error('the node is stopping'))
    this.#life.abort(this.#stop.signal.reason)
    await Promise.allSettled(this.#underWay)
  }

  /** Begins with a new core, after the chain has taken blocks back. @param facts all that the chain still tells */
  rebuild(facts: readonly ChainFact[]): void {
    if (this.#stop.signal.aborted) return
    const held = envelopesOf(this.#core.ledger)
    this.#life.abort(new Error('the chain was reorganised'))
    this.#life = new AbortController()
    this.#core = this.#options.createCore()
    this.#options.recorder?.rebuilt(Date.now())
    const replayed: Effect[] = []
    const replay = (event: Event): void => {
      replayed.push(...this.#handle(event))
    }
    for (const fact of facts) replay({ kind: 'chain', fact })
    if (this.#early) {
      // Not started yet: the journal comes when it is.
      this.#early = replayed
      return
    }
    for (const bytes of this.#options.journal.statements()) {
      replay({ kind: 'received', bytes, via: 'journal' })
    }
    for (const { bytes } of held) replay({ kind: 'received', bytes, via: 'reconciliation' })
    for (const { job } of this.#submissions.values()) replay({ kind: 'submitted', job })
    // News is old. Duties were those of the moment: the core shall order again the ones that still stand at the end.
    for (const effect of replayed) {
      if (effect.kind === 'keep' || effect.kind === 'reconcile') this.#perform(effect)
    }
    const duties = new Set(replayed.flatMap((effect) => ('duty' in effect ? [effect.duty] : [])))
    for (const duty of duties) this.dispatch({ kind: 'duty-failed', duty })
    this.#sleep()
  }

  /** Hands an event to the core and carries out what follows. @returns the effects, for who waits for an answer */
  dispatch(event: Event): Effect[] {
    if (this.#stop.signal.aborted) return []
    const effects = this.#handle(event)
    for (const effect of effects) {
      if (this.#early) this.#early.push(effect)
      else this.#perform(effect)
    }
    this.#sleep()
    return effects
  }

  /** The core's judgement of bytes from the mesh. */
  judge(bytes: Uint8Array): Judgement {
    return judgementIn(this.dispatch({ kind: 'received', bytes, via: 'gossip' }))
  }

  /** Signs and publishes a job. @returns its id, once it is in the journal and can no longer be lost */
  submit(job: Job): Promise<Hash> {
    return new Promise((accepted) => {
      this.#submissions.set(job.nonce, { job, accepted })
      this.dispatch({ kind: 'submitted', job })
    })
  }

  /** Calls back for everything an onlooker would want to hear. @returns what ends it */
  onNews(listener: (news: News) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when the ledger is in the wanted state; rejects when the node stops or `waitMs` have passed. */
  async until(wanted: (ledger: Core['ledger']) => boolean, waitMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(waitMs)])
    while (!wanted(this.#core.ledger)) {
      await sleep(LOOK_MS, signal)
    }
  }

  /** The one place in which a core is given anything: time is read once, for it and for the recording. */
  #handle(event: Event): Effect[] {
    const { recorder } = this.#options
    const nowMs = Date.now()
    try {
      const effects = this.#core.handle(event, nowMs)
      recorder?.handled(event, nowMs, effects)
      return effects
    } catch (error) {
      recorder?.handled(event, nowMs, error as Error)
      throw error
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'judge': {
        const { reason } = effect.judgement
        this.judged.set(reason, (this.judged.get(reason) ?? 0) + 1)
        break
      }
      case 'tell':
        for (const listener of this.#listeners) listener(effect.news)
        break
      case 'answer':
        // Whoever dispatched `asked` finds it among the effects.
        break
      case 'keep':
        this.#run('keep', (life) => this.#keep(effect.block, life))
        break
      case 'reconcile':
        this.#run('reconcile', (life) => this.#reconcile(effect.have, life))
        break
      default:
        this.#run(effect.duty, (life) => this.#discharge(effect, life), effect.duty)
    }
  }

  /** Runs in the background; a failure is logged, and told to the core where it was a duty, which has it tried again. */
  #run(what: string, action: (life: AbortSignal) => Promise<void>, duty?: string): void {
    const life = this.#life.signal
    const running = action(life).catch((error: unknown) => {
      if (life.aborted) return
      const { message } = error as Error
      const then = duty === undefined ? '' : ' and will be tried again'
      this.#options.log.warn({ what, error: message }, `an effect failed${then}`)
      this.#options.log.debug({ what, error }, 'failure in full')
      if (duty !== undefined) this.dispatch({ kind: 'duty-failed', duty })
    })
    this.#underWay.add(running)
    void running.finally(() => this.#underWay.delete(running))
  }

  /** The core orders it once. What there is no room for at the moment is tried again, the wait doubled each time. */
  async #keep(block: Block, life: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#outside!.keep(block)
        return
      } catch (error) {
        if (tries === KEEP_TRIES) throw error
        const about = { cid: block.cid, error: (error as Error).message }
        this.#options.log.warn(about, 'a block cannot be kept; it is tried again')
      }
      await sleep(KEEP_AGAIN_MS * 2 ** (tries - 1), life)
    }
  }

  async #discharge(duty: Duty, life: AbortSignal): Promise<void> {
    if (duty.kind === 'publish') return this.#publish(duty, life)
    const perform = this.#outside!.performers[duty.kind] as Performer<typeof duty.kind>
    const outcome = await perform(duty as never, life)
    if (!life.aborted) this.dispatch(outcome ?? { kind: 'duty-done', duty: duty.duty })
  }

  /** Journal first, then the network. What already stands in the slot is what is said again. */
  async #publish(
    { duty, message, aloud }: Extract<Duty, { kind: 'publish' }>,
    life: AbortSignal,
  ): Promise<void> {
    const { journal, privateKey, domain } = this.#options
    const slot = slotOf(message) ?? (message.kind === 'beat' ? undefined : duty)
    let bytes = slot === undefined ? undefined : journal.held(slot)
    if (!bytes) {
      this.#requireUnsaid(message)
      bytes = seal(message, privateKey, domain).bytes
      if (slot !== undefined) journal.write(slot, bytes, Date.now())
    }
    this.dispatch({ kind: 'received', bytes, via: 'journal' })
    if (message.kind === 'job') this.#accepted(bytes)
    await this.#outside!.publish(bytes, aloud ? 'everyone' : audienceOf(message))
    if (!life.aborted) this.dispatch({ kind: 'duty-done', duty })
  }

  /**
   * Where the journal is damaged, nobody knows what this node has claimed and voted on jobs from before: to say it otherwise
   * would cost its stake.
   * @throws StorageError `damaged`
   */
  #requireUnsaid(message: Message): void {
    const { lostBeforeMs } = this.#options.journal
    if (lostBeforeMs === undefined || (message.kind !== 'claim' && message.kind !== 'vote')) return
    const { jobId } = message.body
    const job = this.#core.ledger.jobs.get(jobId)?.envelope.message
    if (job?.kind === 'job' && job.body.issuedAtMs > lostBeforeMs + MAX_AHEAD_MS) return
    throw new StorageError('damaged', `what was said on job ${jobId} may be lost, so nothing is`)
  }

  #accepted(bytes: Uint8Array): void {
    const opened = open(bytes, this.#options.domain)
    if (!opened.ok || opened.envelope.message.kind !== 'job') return
    const { nonce } = opened.envelope.message.body
    this.#submissions.get(nonce)?.accepted(opened.envelope.digest)
    this.#submissions.delete(nonce)
  }

  async #reconcile(have: readonly Hash[], life: AbortSignal): Promise<void> {
    const envelopes = await this.#outside!.reconcile(have, life)
    for (const bytes of envelopes) {
      if (life.aborted) return
      this.dispatch({ kind: 'received', bytes, via: 'reconciliation' })
      // To judge all that one answer may hold takes a second, in which nobody else would be heard.
      await othersTurn()
    }
  }
}

/** The judgement among the effects of one `received` event. */
function judgementIn(effects: readonly Effect[]): Judgement {
  for (const effect of effects) if (effect.kind === 'judge') return effect.judgement
  return { verdict: 'ignore', reason: 'malformed' }
}
