/** Offers through a door of their own, in a thread of its own: to go through thirty megabytes of texts takes ten seconds. */
import type { Contribution } from '../../protocol/datanet.ts'
import type { Address } from '../../protocol/fields.ts'
import { inThread } from '../thread.ts'
import { createDoor, type Refusal } from './contribute.ts'

/** A file that somebody offers. */
export interface Offered {
  readonly contributor: Address
  readonly name: string
  readonly licence: string
  /** Base64 of the file as it is. */
  readonly content: string
}

export interface Passed {
  /** By their places among the offers. */
  readonly accepted: ReadonlyMap<number, Contribution>
  readonly refused: readonly Refusal[]
}

export function throughDoor(offered: readonly Offered[]): Promise<Passed> {
  return inThread(import.meta.url, 'throughDoorHere', [offered])
}

export function throughDoorHere(offered: readonly Offered[]): Passed {
  const door = createDoor()
  const accepted = new Map<number, Contribution>()
  const refused: Refusal[] = []
  for (const [place, submission] of offered.entries()) {
    const content = Buffer.from(submission.content, 'base64')
    const verdict = door.submit({ ...submission, content })
    if (verdict.accepted) accepted.set(place, verdict.contribution)
    else refused.push(verdict.refusal)
  }
  return { accepted, refused }
}
