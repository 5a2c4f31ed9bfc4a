import { equal, ok } from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { z } from 'zod'
import type { Address } from '../../protocol/fields.ts'
import { type Anvil, startAnvil } from '../../worker/chain/anvil.ts'
import { fundEmbedded } from '../../worker/chain/deploy.ts'
import { Outbox } from '../../worker/chain/outbox.ts'
import { fileStore } from '../../worker/chain/outbox-file.ts'
import { quantity, smallQuantity, toQuantity } from '../../worker/chain/quantities.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { CHAIN_ID, person } from '../harness/embedded-chain.ts'
import { testFolder } from '../harness/folders.ts'

const FUNDS_WEI = 10n ** 24n
const PURSE = `0x${'22'.repeat(20)}` as Address
const PRIZE = `0x${'33'.repeat(20)}` as Address
/** SLOAD slot 0; where it is set, REVERT, else set it to 1: whoever comes first has it. */
const FIRST_COME = '0x5f54600a5760015f55005b5f5ffd'

/** A real chain takes blocks back, and gas costs a thousand times as much when they come again. */
describe('an outbox on a chain that is reorganised in a fee spike', () => {
  const folder = testFolder('spike')
  let anvil: Anvil
  let rpc: Rpc

  before(async () => {
    anvil = await startAnvil({ dataFolder: path.join(folder, 'chain'), chainId: CHAIN_ID })
    rpc = new Rpc(anvil.url)
    await ask('anvil_setCode', [PRIZE, FIRST_COME])
  })

  after(async () => {
    rpc?.close()
    await anvil?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = (method: string, params: readonly unknown[] = []) =>
    rpc.request(z.unknown(), method, params)

  async function signer(name: string) {
    const account = privateKeyToAccount(toHex(person(name).key))
    const address = account.address.toLowerCase() as Address
    await fundEmbedded(anvil.url, address, FUNDS_WEI)
    const paces = { raiseMs: 300, compareMs: 50, patienceMs: 10_000 }
    const store = fileStore(path.join(folder, `${name}.log`))
    const outbox = new Outbox({ rpc, chainId: CHAIN_ID, account, store, ...paces })
    const give = (valueWei: bigint) =>
      outbox.send({ what: `give ${valueWei}`, to: PURSE, data: '0x', valueWei })
    const takePrize = () => outbox.send({ what: 'take the prize', to: PRIZE, data: '0x' })
    return { address, give, takePrize }
  }

  async function spike(): Promise<void> {
    // A thousand gwei: far above what anvil suggests, for base fee and tip.
    await ask('anvil_setNextBlockBaseFeePerGas', [toQuantity(10n ** 12n)])
    await ask('evm_mine')
  }

  /** Who sent a nonce to whom. */
  async function recipient(from: Address, nonce: number): Promise<string | undefined> {
    const last = await rpc.request(smallQuantity, 'eth_blockNumber')
    const Full = z.object({
      transactions: z.array(z.object({ from: z.string(), to: z.string(), nonce: smallQuantity })),
    })
    for (let number = 0; number <= last; number++) {
      const params = [toQuantity(number), true]
      const { transactions } = await rpc.request(Full, 'eth_getBlockByNumber', params)
      const found = transactions.find((one) => one.from === from && one.nonce === nonce)
      if (found) return found.to
    }
    return undefined
  }

  it('does all of it once, and pays nothing for what another has done by then', async () => {
    const [alice, bob] = [await signer('alice'), await signer('bob')]
    await alice.give(1n)
    const snapshot = await ask('evm_snapshot')
    await alice.give(10n)
    await alice.takePrize()
    await alice.give(100n)
    ok(await ask('evm_revert', [snapshot]))
    await bob.takePrize()
    await spike()
    await alice.give(1000n)
    equal(await rpc.request(quantity, 'eth_getBalance', [PURSE, 'latest']), 1111n)
    equal(await recipient(alice.address, 2), alice.address)
    const params = [alice.address, 'latest']
    equal(await rpc.request(smallQuantity, 'eth_getTransactionCount', params), 5)
  })
})
