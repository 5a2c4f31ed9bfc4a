import { equal, match, ok } from 'node:assert/strict'
import { type AbiParameter, encodeErrorResult } from 'viem'
import { datanetRegistryAbi } from '../../../contracts/gen/DatanetRegistry.ts'
import { disputesAbi } from '../../../contracts/gen/Disputes.ts'
import { feeEscrowAbi } from '../../../contracts/gen/FeeEscrow.ts'
import { jobEscrowAbi } from '../../../contracts/gen/JobEscrow.ts'
import { modelRegistryAbi } from '../../../contracts/gen/ModelRegistry.ts'
import { openGovernorAbi } from '../../../contracts/gen/OpenGovernor.ts'
import { paramsAbi } from '../../../contracts/gen/Params.ts'
import { payoutAbi } from '../../../contracts/gen/Payout.ts'
import { resultLedgerAbi } from '../../../contracts/gen/ResultLedger.ts'
import { stakeVaultAbi } from '../../../contracts/gen/StakeVault.ts'
import { keccakHash, utf8 } from '../../../protocol/hash.ts'
import { ChainError } from '../../../worker/chain/errors.ts'
import { revertedError } from '../../../worker/chain/reverts.ts'
import { ClientError } from '../../../worker/cli/client.ts'
import { ADVICE, advised, afterWrite } from '../../../worker/cli/refusals.ts'

const ERRORS = [
  openGovernorAbi,
  paramsAbi,
  datanetRegistryAbi,
  disputesAbi,
  feeEscrowAbi,
  jobEscrowAbi,
  modelRegistryAbi,
  payoutAbi,
  resultLedgerAbi,
  stakeVaultAbi,
].flatMap((abi) => abi.filter((item) => item.type === 'error'))

/** The error as a node would bring it, its numbers all 7. */
function refusal(item: (typeof ERRORS)[number]): ChainError {
  const args = item.inputs.map(sample)
  const data = encodeErrorResult({ abi: [item], errorName: item.name, args } as never)
  return revertedError('do it', data)
}

function sample({ type }: AbiParameter) {
  if (type === 'string') return 'text'
  if (type === 'address') return `0x${'07'.repeat(20)}`
  const bytes = /^bytes(\d+)$/.exec(type)?.[1]
  if (bytes !== undefined) return `0x${'07'.repeat(Number(bytes))}`
  return Number(/\d+$/.exec(type)?.[0] ?? 256) > 48 ? 7n : 7
}

describe('what is said when a contract refuses', () => {
  it('has an error behind each advice', () => {
    const names = new Set<string>(ERRORS.map(({ name }) => name))
    for (const name of Object.keys(ADVICE)) ok(names.has(name), `no contract says ${name}`)
  })

  it('is made of what the error brings, whichever contract it was decoded from', () => {
    let told = 0
    for (const item of ERRORS) {
      const error = advised(refusal(item))
      if (!(error instanceof ClientError)) continue
      told += 1
      match(error.message, /^the contract refused to do it\. [A-Z0-9].*\.$/, item.name)
      ok(!/undefined|NaN|Invalid|\[object/.test(error.message), error.message)
    }
    ok(told >= Object.keys(ADVICE).length, `${told}`)
  })

  it('does not make a write seem undone that is done or under way', () => {
    const lost = new ChainError('unreachable', 'http://chain did not answer;')
    const written = { txHash: keccakHash(utf8('done')), blockNumber: 7, gasUsed: 1n, logs: [] }
    const said = (client: Parameters<typeof afterWrite>[1]) =>
      (afterWrite(lost, client) as Error).message
    match(said({ lastWritten: written, isSending: false }), /done, by transaction 0x\w{64} in/)
    match(said({ lastWritten: undefined, isSending: true }), /may still be mined: the same command/)
    equal(said({ lastWritten: undefined, isSending: false }), lost.message)
    const refused = new ChainError('reverted', 'no')
    equal(afterWrite(refused, { lastWritten: undefined, isSending: true }), refused)
  })

  it('names amounts and times as people read them', () => {
    const [small] = ERRORS.filter(({ name }) => name === 'BondTooSmall')
    const { message } = advised(refusal(small!)) as ClientError
    match(message, /must come to 0\.000000000000000007 OPEN/)
    const [early] = ERRORS.filter(({ name }) => name === 'TooEarly')
    match((advised(refusal(early!)) as ClientError).message, /begins at 1970-01-01T00:00:07\.000Z/)
  })

  it('is the error itself where nothing better is known', () => {
    const lost = new ChainError('timeout', 'too late')
    equal(advised(lost), lost)
    const unknown = revertedError('do it', '0x12345678')
    equal(advised(unknown), unknown)
    const { message } = advised(revertedError('do it', '0x')) as ClientError
    match(message, /^the contract refused to do it, and does not say why\. .*deploy --check/)
  })
})
