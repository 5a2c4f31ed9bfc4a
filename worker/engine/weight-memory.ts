/**
 * Weights in memory. Each session packs them anew, and anyone who orders jobs names models: where they would take more than they
 * may, models that nobody uses are let go of, and what has no room even then is refused, before the system ends the process.
 */
import { EngineError } from './errors.ts'
import type { BaseModel } from './files/base-model.ts'
import { gib } from './machine.ts'
import type { Session } from './session.ts'

export class WeightMemory {
  readonly #mostBytes: number
  readonly #letGo: () => Promise<boolean>
  readonly #held = new Map<Session, number>()
  /** Of sessions that are being created. */
  #comingBytes = 0

  /** @param letGo releases a model that nobody uses; false where there is none */
  constructor(mostBytes: number, letGo: () => Promise<boolean>) {
    this.#mostBytes = mostBytes
    this.#letGo = letGo
  }

  /** Creates a session whose weights take so many bytes. Throws `over-budget` where there is no room for them. */
  async open(bytes: number, create: () => Promise<Session>): Promise<Session> {
    while (this.#usedBytes + bytes > this.#mostBytes) {
      if (await this.#letGo()) continue
      const used = gib(this.#usedBytes)
      throw new EngineError(
        'over-budget',
        `the model's weights take about ${gib(bytes)}, but may take ${gib(this.#mostBytes)} here, of which ${used} are in use`,
      )
    }
    this.#comingBytes += bytes
    try {
      const session = await create()
      this.#held.set(session, bytes)
      return session
    } finally {
      this.#comingBytes -= bytes
    }
  }

  async close(session: Session): Promise<void> {
    await session.release()
    this.#held.delete(session)
  }

  get #usedBytes(): number {
    return [...this.#held.values()].reduce((sum, bytes) => sum + bytes, this.#comingBytes)
  }
}

/**
 * Bytes of a model's weights in one session: floats are float32 there, whatever the file has. A backward pass packs them a second
 * time, the other way round. Measured on 88 million parameters: 0.9 to 1.2 of what a session took (onnxruntime 1.30).
 */
export function weightBytes({ places }: BaseModel, isBackward: boolean): number {
  let bytes = 0
  for (const { type, shape, lengthBytes } of places.values()) {
    bytes += type === 'uint8' ? lengthBytes : 4 * shape.reduce((product, size) => product * size, 1)
  }
  return isBackward ? 2 * bytes : bytes
}
