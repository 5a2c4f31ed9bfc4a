/** A timeline with a few accounts that send it transactions, block by block. */
import type { Address } from '../../protocol/fields.ts'
import type { Space } from '../../sim/blocks.ts'
import { Reverted } from '../../sim/contract.ts'
import { DOMAINS } from '../../sim/jobs.ts'
import type { Call, Transaction } from '../../sim/mempool.ts'
import { Timeline } from '../../sim/timeline.ts'

export const BLOCK_MS = 1000
export const GAS = 100n
export const VAIN_GAS = 40n
export const BYTES = 7n
export const FEES = { prices: { gasWei: 10n, byteWei: 0n }, tipWei: 1n, purseWei: 1_000_000_000n }

export const account = (digit: number) => `0x${String(digit).repeat(40)}` as Address

export class Ground {
  readonly timeline: Timeline
  readonly told: string[] = []
  readonly up = new Set([1, 2, 3])
  blocks = 0

  readonly #usualWei: bigint

  /** @param space of blocks, where they have a limit. @param usualWei what they ask for as a rule */
  constructor(space?: Space, usualWei = FEES.prices.gasWei) {
    const prices = { gasWei: usualWei, byteWei: 0n }
    const fees = { ...FEES, prices, ...(space && { space }) }
    this.timeline = new Timeline({ ...DOMAINS, windowMs: 1000 }, fees)
    this.#usualWei = usualWei
    this.mine()
  }

  /** @param burstGas that others want of each block */
  mine(gasWei = this.#usualWei, blocks = 1, byteWei = 0n, burstGas = 0n): void {
    for (let i = 0; i < blocks; i++) {
      this.blocks += 1
      this.timeline.mine(BLOCK_MS * this.blocks, { gasWei, byteWei }, burstGas)
    }
  }

  transaction(sender: number, name: string, call: Call = stakes(name)): Transaction {
    const { up } = this
    return {
      sender: {
        address: account(sender),
        get up() {
          return up.has(sender)
        },
      },
      ...{ duty: name, what: name, batch: undefined, vainGas: VAIN_GAS, call },
      load: { gas: GAS, bytes: BYTES },
      isForgotten: () => !up.has(sender),
      told: (why) => this.told.push(`${name} ${why?.message ?? 'done'}`),
    }
  }

  send(sender: number, name: string, call?: Call): void {
    this.timeline.offer(this.timeline.sign(this.transaction(sender, name, call)))
  }

  spentWei(sender: number): bigint {
    return this.timeline.purses.spentWei(account(sender))
  }

  get staked(): number {
    return this.timeline.chain.facts.filter(({ kind }) => kind === 'staked').length
  }
}

/** Some call that changes something, once for each name. */
function stakes(name: string): Call {
  const node = `0x${Buffer.from(name).toString('hex').padStart(40, '0')}` as Address
  return (chain) => {
    if (chain.ownerOf(node) !== node) throw new Reverted('AlreadyStaked')
    chain.stake(node, account(9), ['worker'], 1n)
  }
}
