/**
 * A payer's promise: "of my escrow, up to this much in all". Each voucher names a cumulative amount, so the newest
 * replaces all before it and a lost one costs nothing (as in The Graph's GraphTally). Signed for the FeeEscrow contract.
 */
import { address, wei } from './fields.ts'
import { struct, type ValueOf } from './struct.ts'

export const Voucher = struct('Voucher', { payer: address, cumulativeWei: wei })
export type Voucher = ValueOf<typeof Voucher>
