/**
 * The embedded chain's state file. anvil overwrites it in place, so a kill in mid-write leaves half a file, which anvil
 * refuses. And it writes accounts and blocks one after the other while it mines on: under load, one file in four has the
 * effects of a transaction without its block, or the other way round, and a chain that starts from that has lost a
 * transaction whose nonce is used. Hence a copy is kept of the last file that is whole and in agreement with itself.
 */
import { copyFile, open, readFile, rename, stat } from 'node:fs/promises'
import { z } from 'zod'
import { ChainError } from './errors.ts'
import { writeWhole } from './files.ts'
import { sleep } from './wait.ts'

export type StateCheck = 'new' | 'sound' | 'restored'

/** A file that has not changed for this long, while its writer lives, is whole: writing takes milliseconds. */
const QUIET_MS = 500
/** At most a twentieth of the time goes into copies. */
const REST_FACTOR = 20
/**
 * What is larger is looked at no further than whether its end was written: parsing takes six times its size in memory, and
 * fails from half a gigabyte on. A day of blocks has 140 MB.
 */
const MAX_READ_BYTES = 128 * 2 ** 20

/**
 * Makes sure that the state file is sound before anvil reads it: puts the copy in its place where it is not. One that is
 * whole, but not in agreement with itself, is still better than none. Throws `ChainError` `state-corrupt` where neither
 * can be read.
 */
export async function checkState(file: string): Promise<StateCheck> {
  const check = await choose(file)
  if (check !== 'new') await keepFirstGenesis(file)
  return check
}

async function choose(file: string): Promise<StateCheck> {
  const found = await inspect(file)
  if (found === 'sound') return 'sound'
  const copy = await inspect(copyOf(file))
  if (copy === 'sound' || (copy === 'torn' && found === 'broken')) {
    await copyFile(copyOf(file), file)
    return 'restored'
  }
  if (found === 'torn') return 'sound'
  if (!(await exists(file)) && !(await exists(copyOf(file)))) return 'new'
  throw new ChainError(
    'state-corrupt',
    `${file} and its copy are damaged; delete their folder to begin a new chain`,
  )
}

/**
 * anvil begins each life with a block 0 of its own, and writes it down beside the one that it then loads; which of them
 * the next life takes is chance. Only the oldest is the chain's: whoever knows a chain by its first block relies on it.
 */
async function keepFirstGenesis(file: string): Promise<void> {
  if ((await stat(file)).size > MAX_READ_BYTES) return
  const content: unknown = JSON.parse(await readFile(file, 'utf8'))
  const read = z.looseObject({ blocks: z.array(Genesis) }).safeParse(content)
  if (!read.success) return
  const isGenesis = ({ header }: z.output<typeof Genesis>): boolean => Number(header.number) === 0
  const { blocks } = read.data
  const bornAt = blocks.filter(isGenesis).map(({ header }) => Number(header.timestamp))
  const first = Math.min(...bornAt)
  const kept = blocks.filter((one) => !isGenesis(one) || Number(one.header.timestamp) === first)
  if (kept.length < blocks.length) {
    await writeWhole(file, JSON.stringify({ ...read.data, blocks: kept }))
  }
}

const Genesis = z.looseObject({
  header: z.looseObject({ number: z.string(), timestamp: z.string() }),
})

/** Copies the state file whenever anvil has written it, until the signal fires. */
export async function keepCopying(
  file: string,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  let copiedAtMs = 0
  while (!signal.aborted) {
    const before = await stat(file).catch(() => undefined)
    await sleep(QUIET_MS, signal).catch(() => undefined)
    const after = await stat(file).catch(() => undefined)
    const isQuiet = after && before?.mtimeMs === after.mtimeMs && before.size === after.size
    if (!signal.aborted && isQuiet && after.mtimeMs > copiedAtMs) {
      const startMs = performance.now()
      copiedAtMs = (await copyWhole(file, after.mtimeMs)) ? after.mtimeMs : copiedAtMs
      // A large file takes long to check: that shall not become a burden.
      const restMs = Math.max(everyMs, REST_FACTOR * (performance.now() - startMs))
      await sleep(restMs, signal).catch(() => undefined)
    }
  }
}

/** True where the file was not written to while it was copied. It replaces the last copy where it is no worse. */
async function copyWhole(file: string, mtimeMs: number): Promise<boolean> {
  const draft = `${copyOf(file)}.draft`
  try {
    await copyFile(file, draft)
    if ((await stat(file)).mtimeMs !== mtimeMs) return false
    const isBetter = (await inspect(draft)) === 'sound' || !(await exists(copyOf(file)))
    if (isBetter) await rename(draft, copyOf(file))
    return true
  } catch {
    // The disk is full, or the folder is going: the last copy stays, and the next round tries again.
    return false
  }
}

export function copyOf(file: string): string {
  return `${file}.copy`
}

/** What a state file says of itself that can be compared. */
const State = z.object({
  block: z.object({ number: z.string() }),
  best_block_number: z.number(),
  accounts: z.record(z.string(), z.object({ nonce: z.number() })),
  blocks: z.array(
    z.object({ header: z.object({ number: z.string() }), transactions: z.array(z.unknown()) }),
  ),
  transactions: z.array(z.object({ info: z.object({ from: z.string() }) })),
})

/** Broken: no JSON. Torn: its accounts are those of another block than its newest. */
async function inspect(file: string): Promise<'sound' | 'torn' | 'broken'> {
  let content: unknown
  try {
    if ((await stat(file)).size > MAX_READ_BYTES) return (await isWhole(file)) ? 'sound' : 'broken'
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return 'broken'
  }
  const read = State.safeParse(content)
  // Of another version of anvil: all that can be said is that it is whole.
  if (!read.success) return 'sound'
  const { block, best_block_number: best, accounts, blocks, transactions } = read.data
  // They stand in no order.
  const newest = blocks.reduce((most, { header }) => Math.max(most, Number(header.number)), 0)
  if (Number(block.number) !== best || newest !== best) return 'torn'
  const inBlocks = blocks.reduce((sum, one) => sum + one.transactions.length, 0)
  if (inBlocks !== transactions.length) return 'torn'
  const sent = new Map<string, number>()
  for (const { info } of transactions) sent.set(info.from, (sent.get(info.from) ?? 0) + 1)
  const agrees = [...sent].every(([from, count]) => accounts[from]?.nonce === count)
  return agrees ? 'sound' : 'torn'
}

/** A write that was cut off has not come to the last brace. */
async function isWhole(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
    return buffer.toString() === '}'
  } finally {
    await handle.close()
  }
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
