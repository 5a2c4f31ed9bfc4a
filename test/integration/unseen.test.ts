import { equal, rejects } from 'node:assert/strict'
import { juryAbi } from '../../contracts/gen/Jury.ts'
import { type Envelope, seal } from '../../protocol/envelope.ts'
import { fromHex, type Hash, keccakHash, utf8 } from '../../protocol/hash.ts'
import { NOWHERE } from '../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { openUnseenCall } from '../../worker/chain/jury-calls.ts'
import {
  EmbeddedChain,
  fineTuneReceipt,
  type Person,
  person,
  signBatch,
} from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const BOND_WEI = BigInt(INITIAL_VALUES.challengeBondGwei) * 10n ** 9n
const CHALLENGER = person('challenger')
const VALIDATORS = [person('validator 1'), person('validator 2')].sort((a, b) =>
  a.account < b.account ? -1 : 1,
) as [Person, Person]
const TRANSCRIPT = keccakHash(utf8('a transcript that nobody has seen'))

describe('answers passed unseen, on an embedded chain', () => {
  let chain: EmbeddedChain
  let client: ChainClient

  before(async () => {
    chain = await EmbeddedChain.start({ windowSeconds: 1000, exitDelaySeconds: 2000 })
    for (const validator of VALIDATORS) await chain.stake(validator, ['validator'], 10n * OPEN)
    client = await chain.clientOf(CHALLENGER)
  })

  after(async () => await chain?.stop())

  const [first, second] = VALIDATORS
  const passedBy = VALIDATORS.map(({ account }) => account)
  const tune: Receipt = { ...fineTuneReceipt('tune', CHALLENGER.account, 0n), passedBy }
  const answer: Receipt = {
    ...fineTuneReceipt('answer', CHALLENGER.account, 0n),
    task: 'inference',
    passedBy,
  }

  function opening({ jobId, claim }: Receipt, by: Person, signer = by): Envelope {
    const said = { jobId, claim, validator: by.account, transcript: TRANSCRIPT, ...NOWHERE }
    const body = { ...said, siblings: [...NOWHERE.siblings], issuedAtMs: 1_800_000_000_000 }
    const domain = domainOf(chain.deployment, 'resultLedger')
    return seal({ kind: 'opening', body }, signer.key, domain)
  }

  async function caseOf(subject: Hash): Promise<bigint> {
    const contract = { address: chain.deployment.addresses.jury, abi: juryAbi } as const
    const args = [subject] as const
    return await client.read((reader) =>
      reader.readContract({ ...contract, functionName: 'caseOf', args }),
    )
  }

  it('are brought before a jury with what all their auditors signed', async () => {
    const receipts = [tune, answer]
    const draft = { number: 1, epoch: chain.epoch, receipts, payouts: [], payers: [] }
    const { header, ...signatures } = signBatch(chain.deployment, draft, VALIDATORS)
    await client.postBatch({ header, ...signatures })
    const call = (index: number, openings: readonly Envelope[]) =>
      openUnseenCall({ header, receipts, index }, openings, BOND_WEI)

    const forged = [opening(answer, first), opening(answer, second, first)]
    await rejects(client.write(call(1, forged)), /BadSignature/)
    await rejects(client.write(call(0, [opening(tune, first)])), /NotAnAnswer/)
    await rejects(client.write(call(1, [opening(answer, first)])), /NotCommitted/)
    await client.write(call(1, [opening(answer, first), opening(answer, second)]))
    equal(await caseOf(keccakHash(fromHex(answer.claim), fromHex(TRANSCRIPT))), 1n)
    equal(await caseOf(answer.claim), 0n)
  })
})
