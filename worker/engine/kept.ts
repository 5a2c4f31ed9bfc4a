/** Opened things at hand: so many are kept, and the one used longest ago goes first. What is in use is never let go of. */

/**
 * Models, adapters and datanets of each kind that a node keeps at hand. Anyone who orders jobs names them, and each holds
 * memory, so they cannot all stay. The engine keeps as many as its caller: what is at hand there is open here.
 */
export const MOST_KEPT = 4

interface Entry<T> {
  readonly opened: Promise<T>
  users: number
}

export class Kept<T> {
  readonly #most: number
  readonly #release: (thing: T) => Promise<void>
  /** Used longest ago first. */
  readonly #entries = new Map<string, Entry<T>>()

  constructor(most: number, release: (thing: T) => Promise<void> = async () => {}) {
    this.#most = most
    this.#release = release
  }

  /** Works with the thing of this name, which is opened where it is not open, and stays open for as long as that takes. */
  async use<R>(key: string, open: () => Promise<T>, work: (thing: T) => Promise<R>): Promise<R> {
    const entry = this.#entries.get(key) ?? this.#opening(key, open)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.users++
    try {
      return await work(await entry.opened)
    } finally {
      entry.users--
      await this.#letGo()
    }
  }

  /** Lets go of the one used longest ago that is not in use; false where there is none. */
  async letGoOfOne(): Promise<boolean> {
    for (const [key, { opened, users }] of this.#entries) {
      if (users > 0) continue
      this.#entries.delete(key)
      await this.#release(await opened)
      return true
    }
    return false
  }

  #opening(key: string, open: () => Promise<T>): Entry<T> {
    // What goes gives its memory to what comes.
    const opened = Promise.resolve()
      .then(() => this.#letGo())
      .then(open)
    // A failure is not kept: it may go well the next time.
    opened.catch(() => this.#entries.delete(key))
    return { opened, users: 0 }
  }

  async #letGo(): Promise<void> {
    while (this.#entries.size > this.#most) {
      if (!(await this.letGoOfOne())) return
    }
  }
}
