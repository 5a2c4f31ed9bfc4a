import { deepEqual, ok } from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { nextBaseFee } from '../../sim/base-fee.ts'
import { type Anvil, startAnvil } from '../../worker/chain/anvil.ts'
import { quantity, toQuantity } from '../../worker/chain/quantities.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { CHAIN_ID } from '../harness/embedded-chain.ts'
import { testFolder } from '../harness/folders.ts'

const BLOCK_GAS = 1_000_000n
const PURSE = `0x${'22'.repeat(20)}`
const FURNACE = `0x${'33'.repeat(20)}`
/** JUMPDEST, PUSH0, JUMP: takes all the gas that it is given. */
const ENDLESS = '0x5b5f56'
/** Parts of a block, in thousandths. */
const LOADS = [1000, 1000, 500, 170, 160, 30, 1000, 900, 60, 333]

const Block = z.object({ number: quantity, baseFeePerGas: quantity, gasUsed: quantity })

describe('the base fee of the simulator', () => {
  const folder = testFolder('base-fee')
  let anvil: Anvil
  let rpc: Rpc

  before(async () => {
    anvil = await startAnvil({ dataFolder: path.join(folder, 'chain'), chainId: CHAIN_ID })
    rpc = new Rpc(anvil.url)
  })

  after(async () => {
    rpc?.close()
    await anvil?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = (method: string, params: readonly unknown[] = []) =>
    rpc.request(z.unknown(), method, params)
  const blockAt = (number: bigint) =>
    rpc.request(Block, 'eth_getBlockByNumber', [toQuantity(number), false])

  it('is that of a chain in OP mode, block by block, whatever these hold', async () => {
    await ask('evm_setBlockGasLimit', [toQuantity(BLOCK_GAS)])
    await ask('anvil_setCode', [FURNACE, ENDLESS])
    await ask('anvil_setBalance', [PURSE, toQuantity(10n ** 24n)])
    await ask('anvil_impersonateAccount', [PURSE])
    await ask('evm_mine')
    const first = await rpc.request(quantity, 'eth_blockNumber', [])
    for (const permille of LOADS) {
      const gas = toQuantity((BLOCK_GAS * BigInt(permille)) / 1000n)
      const prices = { maxFeePerGas: toQuantity(10n ** 12n), maxPriorityFeePerGas: '0x0' }
      await ask('eth_sendTransaction', [{ from: PURSE, to: FURNACE, gas, ...prices }])
      await ask('evm_mine')
    }
    const last = await rpc.request(quantity, 'eth_blockNumber', [])
    const told: bigint[] = []
    const due: bigint[] = []
    const loads = new Set<bigint>()
    for (let number = first; number < last; number++) {
      const { baseFeePerGas: baseFeeWei, gasUsed } = await blockAt(number)
      loads.add(gasUsed)
      due.push(nextBaseFee({ baseFeeWei, gasUsed }, BLOCK_GAS, 0n))
      told.push((await blockAt(number + 1n)).baseFeePerGas)
    }
    deepEqual(told, due)
    ok(loads.size > new Set(LOADS).size, 'blocks were empty, full and between')
  })
})
