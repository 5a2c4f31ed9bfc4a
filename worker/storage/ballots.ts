/**
 * A juror's sealed verdicts with their salts. They lie on the disk before their seal is on the chain: a node that was
 * killed in between opens the same verdict that it has sealed, and never seals two.
 */
import { randomBytes } from 'node:crypto'
import * as dagCbor from '@ipld/dag-cbor'
import { z } from 'zod'
import { bytes32 } from '../../protocol/fields.ts'
import { type Hash, toHex } from '../../protocol/hash.ts'
import { JUROR_VERDICTS } from '../../protocol/jury.ts'
import type { Verdict } from '../../protocol/vote.ts'
import { StorageError } from './errors.ts'
import { Journal } from './journal.ts'

const Ballot = z.strictObject({ verdict: z.enum(JUROR_VERDICTS), salt: bytes32 })
export type Ballot = z.output<typeof Ballot>

/** Longer than governance may let a case last: a day to commit, and another to reveal. */
const KEEP_MS = 7 * 24 * 60 * 60_000

export class Ballots {
  readonly #journal: Journal

  /** Opens or creates `ballots` in the folder. @throws StorageError where it cannot be written. */
  constructor(folder: string, nowMs: number) {
    this.#journal = new Journal(folder, nowMs, { name: 'ballots', keepMs: KEEP_MS })
  }

  /** What was sealed in a case. A chain that was reorganised may give its number to another claim. */
  held(caseNumber: number, claim: Hash): Ballot | undefined {
    const bytes = this.#journal.held(slotOf(caseNumber, claim))
    if (!bytes) return undefined
    const read = Ballot.safeParse(dagCbor.decode(bytes))
    if (read.success) return read.data
    throw new StorageError('malformed', `The ballot in case ${caseNumber} cannot be read.`)
  }

  /** The ballot that stands, or a new one with this verdict, once it is on the disk. */
  seal(caseNumber: number, claim: Hash, verdict: Verdict): Ballot {
    const held = this.held(caseNumber, claim)
    if (held) return held
    const ballot = { verdict, salt: toHex(randomBytes(32)) as Hash }
    this.#journal.write(slotOf(caseNumber, claim), dagCbor.encode(ballot), Date.now())
    return ballot
  }

  /** That were found damaged, with whole ballots behind them. */
  get lostBytes(): number {
    return this.#journal.lostBytes
  }

  close(): void {
    this.#journal.close()
  }
}

function slotOf(caseNumber: number, claim: Hash): string {
  return `ballot ${caseNumber} ${claim}`
}
