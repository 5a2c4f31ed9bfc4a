/** What this node has to say, under the duty that it came of, until its own ledger holds it. */
import type { Message } from '../protocol/message.ts'
import type { Duty } from './events.ts'

export class Statements {
  readonly #statements = new Map<string, Message>()

  /** Counts changes of what there is to say. */
  changes = 0

  add(duty: string, message: Message): void {
    this.#statements.set(duty, message)
    this.changes += 1
  }

  end(duty: string): void {
    if (this.#statements.delete(duty)) this.changes += 1
  }

  duties(): Duty[] {
    return [...this.#statements].map(([duty, message]) => ({ kind: 'publish', duty, message }))
  }
}
