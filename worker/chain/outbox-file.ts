/** What an outbox remembers over a crash: the transaction under way, and the last ones that were mined. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { address, bytes32 } from '../../protocol/fields.ts'
import { ChainError } from './errors.ts'
import { writeWhole } from './files.ts'
import { hexBytes } from './quantities.ts'

const decimal = z
  .string()
  .regex(/^[0-9]{1,78}$/)
  .transform(BigInt)

/** One signed form of a transaction; a dearer one with the same nonce may follow. */
const Attempt = z.strictObject({
  hash: bytes32,
  raw: hexBytes,
  /** Most that is paid for one unit of gas, and the part of it that is the tip. */
  maxFeeWei: decimal,
  tipWei: decimal,
})
export type Attempt = z.output<typeof Attempt>

const Entry = z.strictObject({
  what: z.string(),
  nonce: z.int().nonnegative(),
  /** Missing where a contract is created. */
  to: address.optional(),
  data: hexBytes,
  valueWei: decimal,
  gas: decimal,
  attempts: z.array(Attempt).min(1),
})
export type Entry = z.output<typeof Entry>

const Memory = z.strictObject({
  /** Hash of block 0: a new chain with the same number is another chain. */
  genesis: bytes32,
  pending: Entry.optional(),
  /** The last mined ones, oldest first: sent again should the chain forget its newest blocks. */
  mined: z.array(z.strictObject({ nonce: z.int().nonnegative(), raw: hexBytes })),
})
export type Memory = z.output<typeof Memory>

export interface OutboxStore {
  load(): Promise<Memory | undefined>
  save(memory: Memory): Promise<void>
}

/** Keeps the memory in a file. Loading throws `ChainError` `outbox-corrupt` where the file is damaged. */
export function fileStore(file: string): OutboxStore {
  return {
    async load() {
      let text: string
      try {
        text = await readFile(file, 'utf8')
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw corrupt(file, cause)
      }
      try {
        return Memory.parse(JSON.parse(text))
      } catch (cause) {
        throw corrupt(file, cause)
      }
    },
    async save(memory) {
      await writeWhole(
        file,
        JSON.stringify(memory, (_, value: unknown) =>
          typeof value === 'bigint' ? value.toString() : value,
        ),
      )
    },
  }
}

/** For a signer that lives no longer than its process. */
export function memoryStore(): OutboxStore {
  let memory: Memory | undefined
  return {
    load: async () => memory,
    save: async (newest) => {
      memory = newest
    },
  }
}

function corrupt(file: string, cause: unknown): ChainError {
  return new ChainError(
    'outbox-corrupt',
    `${file} cannot be read; delete it once no transaction of this account is under way`,
    { cause },
  )
}
