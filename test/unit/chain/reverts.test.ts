import { deepEqual, equal } from 'node:assert/strict'
import { encodeErrorResult } from 'viem'
import { feeEscrowAbi } from '../../../contracts/gen/FeeEscrow.ts'
import { RpcError } from '../../../worker/chain/endpoint.ts'
import { ChainError } from '../../../worker/chain/errors.ts'
import { decodeRevert, explain } from '../../../worker/chain/reverts.ts'

function failed(message: string, data?: string): ChainError {
  return new ChainError('rpc-failed', message, { cause: new RpcError(3, message, data) })
}

describe('what a contract says when it refuses', () => {
  it('is read with its arguments by name', () => {
    const data = encodeErrorResult({
      abi: feeEscrowAbi,
      errorName: 'OverVoucher',
      args: [`0x${'11'.repeat(20)}`, 5n, 3n],
    })
    deepEqual(decodeRevert(data), {
      name: 'OverVoucher',
      args: { payer: `0x${'11'.repeat(20)}`, redeemedWei: 5n, authorisedWei: 3n },
    })
  })

  it('is read where Solidity itself refused', () => {
    const data = `0x4e487b71${'11'.padStart(64, '0')}` as const
    deepEqual(decodeRevert(data), { name: 'Panic', args: { reason: 17n } })
  })

  it('is unknown where no contract of ours spoke', () => {
    deepEqual(decodeRevert('0x'), { name: 'Unknown', args: {} })
    deepEqual(decodeRevert('0x12345678'), { name: 'Unknown', args: { data: '0x12345678' } })
  })

  it('is told apart from poverty and from other failures', () => {
    const codeOf = (error: unknown) => (explain(error, 'pay') as ChainError).code
    equal(codeOf(failed('execution reverted', '0x12345678')), 'reverted')
    equal(codeOf(failed('execution reverted')), 'reverted')
    equal(codeOf(failed('insufficient funds for gas * price + value')), 'insufficient-funds')
    equal(codeOf(failed('Insufficient funds for gas * price + value')), 'insufficient-funds')
    equal(codeOf(failed('the method does not exist')), 'rpc-failed')
    equal(codeOf(new ChainError('timeout', 'late')), 'timeout')
  })

  it('names the account that has to be sent coins', () => {
    const poor = explain(failed('insufficient funds'), 'stake for 0x12', '0x34') as ChainError
    equal(
      poor.message,
      '0x34 cannot pay to stake for 0x12: insufficient funds; send it OPEN and try again',
    )
  })
})
