/**
 * What libp2p keeps on the disk. Any peer may have this node remember, for two days, that it has some content, as often as it
 * likes and for the price of a message; so what others have told has so many places, and whoever fills them makes room with
 * its own oldest.
 */
import { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore'
import { StorageError } from '../storage/errors.ts'

type Options = Parameters<LevelDatastore['put']>[2]

/** At some 150 bytes each on the disk, and as much in memory: a network that provides a thousand contents an hour fits. */
const MOST_TOLD = 65_536
/** `datastorePrefix` of kad-dht, and what it puts behind it: `/dht/provider/<content>/<peer>`. */
const TOLD = '/dht/provider/'

export class RoutingStore extends LevelDatastore {
  readonly #folder: string
  readonly #self: string
  readonly #most: number
  /** Names of what each peer has told, the oldest first. A key's bytes would keep all that was allocated around them. */
  readonly #told = new Map<string, Set<string>>()
  #count = 0

  /** @param self this node's own peer id: what it tells itself is not bounded here */
  constructor(folder: string, self: string, most = MOST_TOLD) {
    super(folder)
    this.#folder = folder
    this.#self = self
    this.#most = most
  }

  /** @throws StorageError where its files are damaged, or the disk is full */
  override async open(): Promise<void> {
    try {
      await super.open()
    } catch (cause) {
      const message = `${this.#folder} cannot be opened. Is the disk full, or was it cut off? All in it is learned anew: delete it.`
      throw new StorageError('unwritable', message, { cause })
    }
    for await (const key of this.queryKeys({ prefix: TOLD })) this.#note(key)
    await this.#makeRoom()
  }

  override async put(key: Key, value: Uint8Array, options?: Options): Promise<Key> {
    const put = await super.put(key, value, options)
    this.#note(key)
    await this.#makeRoom()
    return put
  }

  override async delete(key: Key, options?: Options): Promise<void> {
    await super.delete(key, options)
    this.#forget(key)
  }

  #forget(key: Key): void {
    const told = this.#told.get(key.name())
    if (told?.delete(key.toString())) this.#count -= 1
    if (told?.size === 0) this.#told.delete(key.name())
  }

  #note(key: Key): void {
    const name = key.toString()
    const peer = key.name()
    if (!name.startsWith(TOLD) || peer === this.#self) return
    const told = this.#told.get(peer) ?? new Set<string>()
    this.#told.set(peer, told)
    if (!told.delete(name)) this.#count += 1
    told.add(name)
  }

  async #makeRoom(): Promise<void> {
    while (this.#count > this.#most) {
      const [name] = this.#longest()
      const oldest = new Key(name!)
      // Before it has gone: of many that come at once, each is to take another's place.
      this.#forget(oldest)
      await super.delete(oldest)
    }
  }

  #longest(): ReadonlySet<string> {
    let longest: ReadonlySet<string> = new Set()
    for (const told of this.#told.values()) if (told.size > longest.size) longest = told
    return longest
  }
}
