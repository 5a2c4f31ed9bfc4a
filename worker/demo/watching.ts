/** Follows the network through the gateway's events: nothing here is told by the nodes in private. */
import type { JobView } from '../api/views.ts'
import { Client } from '../cli/client.ts'
import { sleep } from '../sleep.ts'

/** An event as the gateway streams it. Fields are those of the message or the log. */
export interface NetworkEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

type Listener = (event: NetworkEvent) => void

const LOOK_MS = 100

export class Watching {
  readonly client: Client
  readonly #stop = new AbortController()
  readonly #listeners = new Set<Listener>()
  readonly #ended: Promise<void>

  constructor(url: string) {
    this.client = new Client(url)
    // Who waits for a job hears of a gateway that is gone by asking it.
    this.#ended = this.#run().catch(() => {})
  }

  /** @returns what ends it */
  on(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The job once it is as wanted. */
  async job(
    jobId: string,
    wanted: (view: JobView) => boolean,
    signal: AbortSignal,
  ): Promise<JobView> {
    for (;;) {
      const view = await this.client.get<JobView>(`/jobs/${jobId}`, signal)
      if (wanted(view)) return view
      await sleep(LOOK_MS, signal)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }

  async #run(): Promise<void> {
    for await (const { event, data } of this.client.events('/events', this.#stop.signal)) {
      if (event === 'alive') continue
      const parsed = JSON.parse(data) as NetworkEvent['data']
      for (const listener of this.#listeners) listener({ event, data: parsed })
    }
  }
}
