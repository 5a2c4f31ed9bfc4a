/**
 * Sends what is left of so many distinct payloads, one transaction each, and says how far it is. How far an earlier life
 * came is read from the outbox's own file: what it has signed is its affair, and never asked for a second time.
 */
import path from 'node:path'
import { type Hex, parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { Address } from '../../protocol/fields.ts'
import { Outbox } from '../../worker/chain/outbox.ts'
import { fileStore } from '../../worker/chain/outbox-file.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { sleep } from '../../worker/chain/wait.ts'
import { CHAIN_ID } from './chain.ts'
import { endWithParent } from './lives.ts'

/** An estimate costs the chain more than the transaction, and is none of the outbox's work. */
const GAS = 60_000n

endWithParent()
const [url, folder, privateKey, to, count] = process.argv.slice(2) as [
  string,
  string,
  Hex,
  Address,
  string,
]
const store = fileStore(path.join(folder, 'outbox.log'))
const { pending, mined } = store.load()
const newest = mined.at(-1)
const last = pending?.data ?? (newest && parseTransaction(newest.raw).data)
const outbox = new Outbox({
  rpc: new Rpc(url),
  chainId: CHAIN_ID,
  account: privateKeyToAccount(privateKey),
  store,
})
const first = last === undefined ? 0 : Number(last) + 1
// An earlier life may have been killed before it could say so.
process.stdout.write(`${first}\n`)
for (let at = first; at < Number(count); at++) {
  const data = `0x${at.toString(16).padStart(64, '0')}` as const
  await outbox.send({ what: `send ${at}`, to, data, gas: GAS })
  process.stdout.write(`${at + 1}\n`)
}
for (;;) {
  await outbox.restore()
  process.stdout.write('restored\n')
  await sleep(200)
}
