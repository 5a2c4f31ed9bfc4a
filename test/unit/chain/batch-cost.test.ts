import { ok } from 'node:assert/strict'
import { deflateRawSync } from 'node:zlib'
import { privateKeyToAccount } from 'viem/accounts'
import type { BatchHeader } from '../../../protocol/batch.ts'
import { finaliseLoad, type Load, postLoad } from '../../../protocol/batch-cost.ts'
import type { Address, Cid } from '../../../protocol/fields.ts'
import { fromHex, type Hash, keccakHash, utf8 } from '../../../protocol/hash.ts'
import { type Call, finaliseBatchesCall, postBatchCall } from '../../../worker/chain/calls.ts'

/** As they come on a chain: nothing repeats. */
const hash = (name: string): Hash => keccakHash(utf8(name))
const address = (name: string) => hash(name).slice(0, 42) as Address
const person = (name: string) => privateKeyToAccount(hash(name))
const FEE_WEI = 31n * 10n ** 17n

function header(number: number): BatchHeader {
  return {
    ...{ number, epoch: 31, proposer: address(`proposer ${number}`), receiptCount: 25 },
    ...{ receiptsRoot: hash(`receipts ${number}`), payoutRoot: hash(`payouts ${number}`) },
    ...{ charges: hash(`charges ${number}`), feeWei: FEE_WEI, collectedWei: FEE_WEI, openWei: 0n },
    ...{ strictness: 3000, answers: 120, payees: 300, availability: '' },
    data: 'bafkreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi' as Cid,
  }
}

async function signatures(count: number, name: string) {
  const people = Array.from({ length: count }, (_, index) => person(`${name} ${index}`))
  return await Promise.all(
    people.map(async (one) => {
      const signature = await one.signMessage({ message: name })
      return { address: one.address.toLowerCase() as Address, signature }
    }),
  )
}

async function post(signers: number, payers: number): Promise<Call> {
  const endorsements = (await signatures(signers, 'validator')).map(({ address, signature }) => {
    return { validator: address, signature }
  })
  const charges = (await signatures(payers, 'payer')).map(({ address, signature }) => {
    return { payer: address, feeWei: FEE_WEI / 10n, cumulativeWei: 37n * FEE_WEI, signature }
  })
  return postBatchCall({ header: header(7), endorsements, charges })
}

/** What compression leaves of the signed transaction. */
async function bytesOf({ data }: Call): Promise<number> {
  const fees = { maxFeePerGas: 2_000_000n, maxPriorityFeePerGas: 1_000_000n }
  const signed = await person('sender').signTransaction({
    ...{ type: 'eip1559', chainId: 10, nonce: 55, to: address('ledger'), data, gas: 300_000n },
    ...fees,
  })
  return deflateRawSync(fromHex(signed)).length
}

describe('what a batch costs in data', () => {
  const isAbout = async (load: Load, call: Call, [least, most]: [number, number]) => {
    const ratio = Number(load.bytes) / (await bytesOf(call))
    ok(ratio > least && ratio < most, `${call.what}: ${ratio}`)
  }

  it('is what its post comes to when it is compressed', async () => {
    for (const [signers, payers] of [
      [3, 1],
      [14, 0],
      [21, 0],
      [14, 10],
      [21, 40],
    ] as const) {
      await isAbout(postLoad(signers, payers), await post(signers, payers), [0.9, 1.25])
    }
  })

  it('is no less than what the end of its window comes to', async () => {
    for (const count of [1, 2, 8]) {
      const headers = Array.from({ length: count }, (_, index) => header(7 + index))
      await isAbout(finaliseLoad(count), finaliseBatchesCall(headers), [1, 2])
    }
  })
})
