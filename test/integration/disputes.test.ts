import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { seal } from '../../protocol/envelope.ts'
import type { Cid } from '../../protocol/fields.ts'
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import type { Message } from '../../protocol/message.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { contradictionCall } from '../../worker/chain/dispute-calls.ts'
import { EmbeddedChain, person } from '../harness/embedded-chain.ts'

const OPEN = 10n ** 18n
const [WORKER, VALIDATOR, REPORTER] = ['worker', 'validator 1', 'reporter'].map(person) as [
  ReturnType<typeof person>,
  ReturnType<typeof person>,
  ReturnType<typeof person>,
]

describe('contradictions on an embedded chain', function () {
  this.timeout(30_000)
  let chain: EmbeddedChain
  let reporter: ChainClient

  before(async () => {
    chain = await EmbeddedChain.start()
    await chain.stake(WORKER, ['worker'], 10n * OPEN)
    await chain.stake(VALIDATOR, ['validator'], 10n * OPEN)
    reporter = await chain.clientOf(REPORTER)
  })

  after(async () => await chain?.stop())

  const signed = (message: Message, by: typeof WORKER) =>
    seal(message, by.key, domainOf(chain.deployment, 'resultLedger'))

  function claim(output: string) {
    const body = {
      jobId: keccakHash(utf8('job')),
      worker: WORKER.account,
      output: output as Cid,
      commitment: keccakHash(utf8('commitment')),
      attribution: keccakHash(utf8('attribution')),
      units: 3,
      graph: keccakHash(utf8('graph')),
      issuedAtMs: 1_800_000_000_000,
    }
    return signed({ kind: 'claim', body }, WORKER)
  }

  function vote(verdict: 'pass' | 'fail') {
    const body = {
      jobId: keccakHash(utf8('job')),
      claim: keccakHash(utf8('claim')),
      validator: VALIDATOR.account,
      verdict,
      reason: verdict === 'pass' ? 'none' : 'tokens-differ',
      checked: 5,
      beaconBlock: 9,
      issuedAtMs: 1_800_000_000_000,
    } as const
    return signed({ kind: 'vote', body }, VALIDATOR)
  }

  const FIRST = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
  const OTHER = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdj'

  it('cost a worker a tenth of its stake, of which the reporter gets its part', async () => {
    const call = contradictionCall([claim(FIRST), claim(OTHER)])
    ok(call)
    const beforeWei = await reporter.balanceWei(REPORTER.account)
    await reporter.write(call)
    equal((await reporter.member(WORKER.account)).stakeWei, 9n * OPEN)
    const gainWei = (await reporter.balanceWei(REPORTER.account)) - beforeWei
    // Three tenths of one OPEN, less the gas.
    ok(gainWei > (29n * OPEN) / 100n && gainWei < (3n * OPEN) / 10n, `${gainWei}`)
    await rejects(reporter.write(call), /AlreadyPunished/)
  })

  it('cost a validator the same for two verdicts on one claim', async () => {
    const call = contradictionCall([vote('pass'), vote('fail')])
    ok(call)
    await reporter.write(call)
    equal((await reporter.member(VALIDATOR.account)).stakeWei, 9n * OPEN)
  })

  it('are none where the same is said twice, or another signed', async () => {
    const same = contradictionCall([claim(FIRST), claim(FIRST)])
    await rejects(reporter.write(same!), /NotContradicting/)
    const envelope = claim(OTHER)
    const forged = { ...envelope, signature: vote('pass').signature }
    const job = { ...claim(FIRST) }
    await rejects(reporter.write(contradictionCall([job, forged])!), /BadSignature/)
    deepEqual((await reporter.member(WORKER.account)).stakeWei, 9n * OPEN)
  })
})
