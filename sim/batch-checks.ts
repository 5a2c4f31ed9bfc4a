/** What the ResultLedger refuses a batch for, whatever else it holds: by its header, those before it, and its charges. */
import type { SignedCharge } from '../coordinator-free/events.ts'
import { type BatchHeader, chargesHash } from '../protocol/batch.ts'
import { ZERO_HASH } from '../protocol/hash.ts'
import type { ParameterValues } from '../protocol/parameters.ts'
import { MAX_BATCH_AGE_EPOCHS } from '../protocol/params.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS, nextStrictness } from '../protocol/threshold.ts'
import { Reverted } from './contract.ts'

/** What the first batch follows on. */
const START = { strictness: INITIAL_STRICTNESS_THOUSANDTHS, payees: 0, answers: 0 }

/** It is of this epoch or a late one, and as strict as follows from the batch before it. @param now the epoch that runs */
export function checkEpoch(
  header: BatchHeader,
  before: BatchHeader | undefined,
  now: number,
  governed: ParameterValues,
): void {
  const { epoch } = header
  if (epoch < (before?.epoch ?? 0) || epoch > now || epoch + MAX_BATCH_AGE_EPOCHS < now) {
    throw new Reverted('WrongEpoch')
  }
  const { strictness, payees, answers } = before ?? START
  const moves = before !== undefined && epoch > before.epoch
  const expected = moves ? nextStrictness(strictness, payees, answers, governed) : strictness
  const shrank = epoch === before?.epoch && (header.answers < answers || header.payees < payees)
  if (header.strictness !== expected || shrank) throw new Reverted('WrongStrictness')
}

/** It leaves open or collects all fees that are due. */
export function checkFees(header: BatchHeader, before: BatchHeader | undefined): void {
  const dueWei = (before?.openWei ?? 0n) + header.feeWei
  const openWei = header.charges === ZERO_HASH ? dueWei : 0n
  if (header.openWei !== openWei) throw new Reverted('WrongOpenFees')
  if (header.collectedWei !== dueWei - openWei) throw new Reverted('WrongFee')
}

/** The charges are those of the header: same hash, ascending, and together what it collects. */
export function checkCharges(header: BatchHeader, charges: readonly SignedCharge[]): void {
  if (header.charges === ZERO_HASH && charges.length === 0) return
  if (chargesHash(charges) !== header.charges) throw new Reverted('WrongCharges')
  const total = charges.reduce((sum, { feeWei }) => sum + feeWei, 0n)
  if (total !== header.collectedWei) throw new Reverted('WrongFee')
  let before = ''
  for (const { payer } of charges) {
    if (payer <= before) throw new Reverted('ChargesNotAscending')
    before = payer
  }
}
