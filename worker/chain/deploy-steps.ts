/** Carries a planned deployment out, one contract after the other. What is there already is left as it is. */
import type { PrivateKeyAccount } from 'viem'
import { contractsOf, type DeployPlan, type Planned } from './deploy-plan.ts'
import { ChainError } from './errors.ts'
import { Outbox } from './outbox.ts'
import type { OutboxStore } from './outbox-file.ts'
import { hexBytes, smallQuantity } from './quantities.ts'
import type { Rpc } from './rpc.ts'
import { sleep } from './wait.ts'

/** Long enough for a block of Ethereum that is full of others, in ms. */
const PATIENCE_MS = 600_000
/** Behind one address there may be several nodes, and the one asked a block behind the one that answered before. */
const LOOKS = 5
const LOOK_MS = 500

export interface DeployStep extends Planned {
  /** Counts from 0. */
  readonly place: number
  readonly total: number
  /** Undefined where it was there before. */
  readonly gasUsed: bigint | undefined
}

export interface DeployWork {
  readonly rpc: Rpc
  readonly account: PrivateKeyAccount
  /** Where this deployment's transactions are written down before they are sent: the same for each try. */
  readonly store: OutboxStore
  readonly plan: DeployPlan
  readonly onStep?: (step: DeployStep) => void
}

/**
 * Returns when all contracts are on the chain. Throws `ChainError`; the same call then goes on where it ended, except
 * after `nonce-taken`: another transaction has the place of a contract.
 */
export async function carryOut(work: DeployWork, signal?: AbortSignal): Promise<void> {
  const { rpc, account, store, plan, onStep } = work
  const { chainId } = plan.deployment
  const outbox = new Outbox({ rpc, chainId, account, store, patienceMs: PATIENCE_MS })
  try {
    // Another try may have been ended with a transaction on its way.
    await outbox.restore(signal)
    const contracts = contractsOf(plan)
    for (const [place, contract] of contracts.entries()) {
      const isThere = await isDeployed(work, place, contract, signal)
      const gasUsed = isThere ? undefined : await send(outbox, contract, signal)
      onStep?.({ ...contract, place, total: contracts.length, gasUsed })
    }
  } finally {
    outbox.close()
  }
}

async function send(
  outbox: Outbox,
  { name, address, data }: Planned,
  signal?: AbortSignal,
): Promise<bigint> {
  for (let looks = 1; ; looks++) {
    try {
      const mined = await outbox.send({ what: `deploy ${name}`, data }, signal)
      if (mined.contractAddress === address) return mined.gasUsed
      throw taken(`${name} came to lie at ${mined.contractAddress}, not ${address}`)
    } catch (error) {
      // A node that lacks the newest block refuses what asks the contracts in it.
      const isRefusal = error instanceof ChainError && error.code === 'reverted'
      if (!isRefusal || looks === LOOKS) throw error
      await sleep(LOOK_MS, signal)
    }
  }
}

/** False where its nonce is the next. Throws `nonce-taken` where the nonce is used and the contract is not there. */
async function isDeployed(
  { rpc, plan }: DeployWork,
  place: number,
  { name, address }: Planned,
  signal?: AbortSignal,
): Promise<boolean> {
  const nonce = plan.firstNonce + place
  for (let looks = 1; ; looks++) {
    // The nonce first: a block that comes in between must not make a contract that is there look as if it were not.
    const node = await rpc.pinned(signal)
    const ask = (tag: string) =>
      node.request(smallQuantity, 'eth_getTransactionCount', [plan.from, tag], signal)
    const [next, pending] = [await ask('latest'), await ask('pending')]
    const code = await node.request(hexBytes, 'eth_getCode', [address, 'latest'], signal)
    if (code !== '0x') return true
    if (next === nonce && pending <= nonce) return false
    if (looks === LOOKS) {
      if (next > nonce || pending > nonce) {
        const whose = `nonce ${nonce} of ${plan.from} went to another transaction`
        throw taken(`${whose}, so ${name} cannot lie at ${address}, where the others expect it`)
      }
      throw new ChainError(
        'lagging',
        `${node.url} knows ${next} transactions of ${plan.from} where there were ${nonce}; run this again when it has caught up`,
      )
    }
    await sleep(LOOK_MS, signal)
  }
}

function taken(what: string): ChainError {
  return new ChainError(
    'nonce-taken',
    `${what}: begin anew, with a deployer key that nothing else uses`,
  )
}
