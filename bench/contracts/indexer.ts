/** Ten thousand events, while the indexer and the chain are killed and the chain takes blocks back: each is told once. */
import path from 'node:path'
import { encodeEventTopics, type Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import { payoutAbi } from '../../contracts/gen/Payout.ts'
import type { Address } from '../../protocol/fields.ts'
import { EPOCH_SECONDS, INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { Deployment } from '../../worker/chain/deployment.ts'
import { Outbox } from '../../worker/chain/outbox.ts'
import { fileStore } from '../../worker/chain/outbox-file.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { sleep } from '../../worker/chain/wait.ts'
import type { Figure } from '../figure.ts'
import { CHAIN_ID, MortalChain } from './chain.ts'
import { Lives, moments } from './lives.ts'

const EVENTS_A_TRANSACTION = 10
const COUNT = 10_000
const INDEXER_KILLS = 9
const CHAIN_KILLS = 4
const REORGS = 3
const REORG_BLOCKS = 5
const GAS = 200_000n

export interface IndexerRun {
  readonly lost: number
  readonly doubled: number
  readonly seconds: number
}

export interface IndexerTrial {
  readonly count: number
  /** The last of them when all is mined. */
  readonly indexerKills: number
  readonly chainKills: number
  /** The last of them takes the last events back. */
  readonly reorgs: number
  readonly say: (line: string) => void
}

export async function runIndexer(trial: IndexerTrial): Promise<IndexerRun> {
  const { count, say } = trial
  await using chain = await MortalChain.start('indexer')
  const { privateKey } = await chain.account()
  const emitter = await chain.install(emitterCode())
  const startMs = performance.now()
  let held = { told: 0, lost: count, doubled: 0 }
  const { url, folder } = chain
  const args = [url, folder, JSON.stringify(deploymentOf(emitter)), String(count)]
  using indexer = new Lives('indexer-process.ts', args, (line) => {
    const [told = 0, lost = 0, doubled = 0] = line.split(' ').map(Number)
    held = { told, lost, doubled }
  })
  const rpc = new Rpc(url)
  try {
    const store = fileStore(path.join(folder, 'outbox.log'))
    const account = privateKeyToAccount(privateKey)
    const outbox = new Outbox({ rpc, chainId: CHAIN_ID, account, store })
    const send = (first: number) =>
      outbox.send({ what: `emit ${first}`, to: emitter, data: word(first), gas: GAS })
    const transactions = Math.ceil(count / EVENTS_A_TRANSACTION)
    const last = transactions - REORG_BLOCKS
    const reorgs = [...moments(trial.reorgs - 1, last - REORG_BLOCKS), last]
    const indexerKills = moments(trial.indexerKills - 1, transactions)
    const chainKills = moments(trial.chainKills, transactions)
    let snapshot: unknown
    for (let index = 0; index < transactions; index++) {
      const done = `${index * EVENTS_A_TRANSACTION} of ${count}`
      if (indexerKills.includes(index)) indexer.kill()
      if (chainKills.includes(index)) await chain.killAndRestart()
      if (reorgs.includes(index)) snapshot = await chain.ask(z.unknown(), 'evm_snapshot')
      await send(index * EVENTS_A_TRANSACTION)
      if (!reorgs.includes(index + 1 - REORG_BLOCKS)) continue
      say(`after ${done} the newest blocks are taken back`)
      await takeBack(chain, outbox, snapshot)
    }
    indexer.kill()
    await settled(indexer, () => held, count)
  } finally {
    rpc.close()
  }
  const seconds = (performance.now() - startMs) / 1000
  return { lost: held.lost, doubled: held.doubled, seconds }
}

/** Takes back the newest blocks, once the indexer had time to read them; the outbox has them mined anew, in others. */
async function takeBack(chain: MortalChain, outbox: Outbox, snapshot: unknown): Promise<void> {
  await sleep(500)
  // A chain that was killed meanwhile has no snapshot, but has forgotten blocks by itself.
  await chain.ask(z.unknown(), 'evm_revert', [snapshot]).catch(() => undefined)
  await outbox.restore()
}

/** Until the indexer holds all, or has held the same for a while. */
async function settled(indexer: Lives, held: () => { told: number; lost: number }, count: number) {
  for (let same = 0, last = -1; same < 20; same++) {
    indexer.say('what do you hold?')
    await sleep(500)
    const { told, lost } = held()
    if (lost === 0 && told >= count && same > 2) return
    if (told !== last) same = 0
    last = told
  }
}

const NOBODY = `0x${'0b'.repeat(20)}` as Address

/** A deployment whose payout contract is the emitter; nobody else says anything. */
function deploymentOf(emitter: Address): Deployment {
  return {
    chainId: CHAIN_ID,
    addresses: {
      ...{ stakeVault: NOBODY, datanetRegistry: NOBODY, modelRegistry: NOBODY, jobEscrow: NOBODY },
      ...{ feeEscrow: NOBODY, resultLedger: NOBODY, disputes: NOBODY, jury: NOBODY },
      ...{ gOpen: NOBODY, timelock: NOBODY, governor: NOBODY, params: NOBODY },
      payout: emitter,
    },
    fromBlock: 0,
    windowSeconds: 1,
    treasury: NOBODY,
    epochSeconds: EPOCH_SECONDS,
    parameters: INITIAL_VALUES,
  }
}

/** Logs `Claimed` for ten amounts from the one that it is sent on: amount in the first and the second word of the data. */
function emitterCode(): Hex {
  const [event = '0x'] = encodeEventTopics({ abi: payoutAbi, eventName: 'Claimed' }).flat()
  const one = (offset: number): string => {
    // PUSH0 CALLDATALOAD PUSH1 offset ADD, DUP1, PUSH0 MSTORE, PUSH1 32 MSTORE.
    const amounts = `5f3560${offset.toString(16).padStart(2, '0')}01805f52602052`
    // CALLER is the account; PUSH32 event, PUSH1 64 PUSH0 LOG2.
    return `${amounts}337f${String(event).slice(2)}60405fa2`
  }
  return `0x${Array.from({ length: EVENTS_A_TRANSACTION }, (_, at) => one(at)).join('')}00`
}

function word(value: number): Hex {
  return `0x${value.toString(16).padStart(64, '0')}`
}

export async function* indexer(say: (line: string) => void): AsyncIterable<Figure> {
  const count = COUNT
  const disturbances = { indexerKills: INDEXER_KILLS, chainKills: CHAIN_KILLS, reorgs: REORGS }
  const { lost, doubled, seconds } = await runIndexer({ count, ...disturbances, say })
  const note = `${count} events through ${INDEXER_KILLS} kills of the indexer, ${CHAIN_KILLS} of the chain and ${REORGS} reorganisations of ${REORG_BLOCKS} blocks; ${seconds.toFixed(0)} s`
  yield { name: 'indexer: events lost', value: lost, unit: '', bar: { atMost: 0 }, note }
  yield { name: 'indexer: events doubled', value: doubled, unit: '', bar: { atMost: 0 }, note }
}
