/** What was sent over the bridge, in a file, so that a later run goes on where an earlier one ended. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { bytes32 } from '../../protocol/fields.ts'
import { bigintAsText } from '../json.ts'
import { lockSoon } from '../storage/lock.ts'
import { ChainError } from './errors.ts'
import { writeWhole } from './files.ts'
import { hexBytes } from './quantities.ts'

/** Far longer than a file takes to write, in ms. */
const LOCK_WAIT_MS = 5000

const decimal = z
  .string()
  .regex(/^[0-9]{1,78}$/)
  .transform(BigInt)

const account = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/i)
  .transform((hex) => hex as `0x${string}`)

const Deposit = z.strictObject({
  kind: z.literal('deposit'),
  /** The transaction on L1, by which the transfer is known. */
  txHash: bytes32,
  to: account,
  valueWei: decimal,
  /** Known once the L1 has mined it. */
  l2TxHash: bytes32.optional(),
})
export type Deposit = z.output<typeof Deposit>

/** What the message passer on L2 has said, and all that a proof is about. */
const Message = z.strictObject({
  nonce: decimal,
  sender: account,
  target: account,
  value: decimal,
  gasLimit: decimal,
  data: hexBytes,
  withdrawalHash: bytes32,
})

const Withdrawal = z.strictObject({
  kind: z.literal('withdrawal'),
  /** The transaction on L2, by which the transfer is known. */
  txHash: bytes32,
  /** Known once the L2 has mined it. */
  message: Message.optional(),
  l2Block: z.strictObject({ number: decimal, seconds: decimal }).optional(),
  proveTxHash: bytes32.optional(),
  finaliseTxHash: bytes32.optional(),
})
export type Withdrawal = z.output<typeof Withdrawal>

const Transfer = z.discriminatedUnion('kind', [Deposit, Withdrawal])
export type Transfer = z.output<typeof Transfer>

export class Transfers {
  readonly #file: string
  #byHash: Map<string, Transfer>

  private constructor(file: string, byHash: Map<string, Transfer>) {
    this.#file = file
    this.#byHash = byHash
  }

  /** Throws `ChainError` `unknown-transfer` where the file cannot be read. */
  static async load(file: string): Promise<Transfers> {
    return new Transfers(file, await read(file))
  }

  /** Oldest first. */
  get all(): readonly Transfer[] {
    return [...this.#byHash.values()]
  }

  find(txHash: string): Transfer | undefined {
    return this.#byHash.get(txHash)
  }

  /** Adds it, or puts it in the place of what was known of it. */
  async put(transfer: Transfer): Promise<void> {
    await this.#change((held) => held.set(transfer.txHash, transfer))
  }

  async remove(txHash: string): Promise<void> {
    await this.#change((held) => held.delete(txHash))
  }

  /** Changes what the file says by now: while one command waits, another may have sent something. */
  async #change(change: (held: Map<string, Transfer>) => void): Promise<void> {
    using _lock = await lockSoon(path.dirname(this.#file), LOCK_WAIT_MS)
    const held = await read(this.#file)
    change(held)
    const text = JSON.stringify([...held.values()], bigintAsText, 2)
    await writeWhole(this.#file, `${text}\n`)
    this.#byHash = held
  }
}

async function read(file: string): Promise<Map<string, Transfer>> {
  try {
    const transfers = z.array(Transfer).parse(JSON.parse(await readFile(file, 'utf8')))
    return new Map(transfers.map((transfer) => [transfer.txHash, transfer]))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new ChainError(
      'unknown-transfer',
      `${file} cannot be read; move it away, and name withdrawals by their transaction on L2`,
      { cause },
    )
  }
}
