/** Ten thousand transactions of one signer, while its process and the chain are killed: each must be mined, and once. */
import { z } from 'zod'
import type { Address } from '../../protocol/fields.ts'
import { hexBytes, smallQuantity, toQuantity } from '../../worker/chain/quantities.ts'
import type { Figure } from '../figure.ts'
import { MortalChain } from './chain.ts'
import { Lives, moments } from './lives.ts'

/** PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH1 32 PUSH0 LOG0: logs the first word that it is sent. */
const LOGGER = '0x5f355f5260205fa000'
const COUNT = 10_000
const SENDER_KILLS = 8
const CHAIN_KILLS = 6

export interface OutboxRun {
  readonly lost: number
  readonly doubled: number
  /** From the first to the last, all restarts included. */
  readonly seconds: number
  /** Mined, forgotten by a killed chain, and mined again. */
  readonly forgotten: number
}

export interface OutboxTrial {
  readonly count: number
  readonly senderKills: number
  /** The last of them when all is mined. */
  readonly chainKills: number
  readonly say: (line: string) => void
}

export async function runOutbox(trial: OutboxTrial): Promise<OutboxRun> {
  const { count, senderKills, chainKills, say } = trial
  await using chain = await MortalChain.start('outbox')
  const { privateKey, address } = await chain.account()
  const to = await chain.install(LOGGER)
  let sent = 0
  let restored = 0
  const startMs = performance.now()
  using sender = new Lives(
    'outbox-process.ts',
    [chain.url, chain.folder, privateKey, to, String(count)],
    (line) => {
      if (line === 'restored') restored++
      else sent = Number(line)
    },
  )
  const kills = [
    ...moments(senderKills, count).map((at) => ({ at, kill: async () => sender.kill() })),
    ...moments(chainKills - 1, count).map((at) => ({ at, kill: () => chain.killAndRestart() })),
  ].sort((a, b) => a.at - b.at)
  let forgotten = 0
  const nonce = () => chain.ask(smallQuantity, 'eth_getTransactionCount', [address, 'latest'])
  for (const { at, kill } of kills) {
    await sender.until(() => sent >= at)
    const before = await nonce()
    await kill()
    forgotten += Math.max(0, before - (await nonce()))
    say(`killed after ${sent} of ${count}`)
  }
  await sender.until(() => sent === count)
  // Once more, when the last ones are mined and nothing is left to send.
  const before = await nonce()
  await chain.killAndRestart()
  forgotten += Math.max(0, before - (await nonce()))
  const seen = restored
  await sender.until(() => restored >= seen + 2)
  const seconds = (performance.now() - startMs) / 1000
  return { ...(await countLogs(chain, to, count, say)), seconds, forgotten }
}

/** What the chain itself holds of the payloads 0 to `count`. */
async function countLogs(
  chain: MortalChain,
  address: Address,
  count: number,
  say: (line: string) => void,
) {
  const filter = { address, fromBlock: toQuantity(0), toBlock: 'latest' }
  const schema = z.array(z.object({ data: hexBytes }))
  const logs = await chain.ask(schema, 'eth_getLogs', [filter])
  const payloads = new Set(logs.map(({ data }) => Number(data)))
  const missing = Array.from({ length: count }, (_, at) => at).filter((at) => !payloads.has(at))
  if (missing.length > 0) say(`lost: ${missing.join(' ')}`)
  return { lost: count - payloads.size, doubled: logs.length - payloads.size }
}

export async function* outbox(say: (line: string) => void): AsyncIterable<Figure> {
  const count = COUNT
  const kills = { senderKills: SENDER_KILLS, chainKills: CHAIN_KILLS }
  const { lost, doubled, seconds, forgotten } = await runOutbox({ count, ...kills, say })
  const note = `${count} transactions of one signer through ${SENDER_KILLS} kills of its process and ${CHAIN_KILLS} of the chain, which forgot ${forgotten} that were mined`
  yield { name: 'outbox: transactions lost', value: lost, unit: '', bar: { atMost: 0 }, note }
  yield { name: 'outbox: transactions doubled', value: doubled, unit: '', bar: { atMost: 0 }, note }
  yield {
    name: 'outbox: transactions a second, restarts included',
    value: count / seconds,
    unit: 'tx/s',
    note: `${seconds.toFixed(0)} s in all`,
  }
}
