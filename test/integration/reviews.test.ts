import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { pino } from 'pino'
import { z } from 'zod'
import { type Contribution, contributionLeaf, contributionsRoot } from '../../protocol/datanet.ts'
import type { Cid } from '../../protocol/fields.ts'
import { keccakHash, utf8 } from '../../protocol/hash.ts'
import { merkleProof } from '../../protocol/merkle.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { datanetRoutes } from '../../worker/api/datanets.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { ChainError } from '../../worker/chain/errors.ts'
import {
  bond,
  closeReview,
  commitVote,
  type Flag,
  flagContribution,
  readReview,
  readStanding,
  readVerdicts,
  requestBondExit,
  revealVote,
  withdrawBond,
  withdrawFromReviews,
} from '../../worker/chain/reviews.ts'
import { Rpc } from '../../worker/chain/rpc.ts'
import { createDoor } from '../../worker/datanet/contribute.ts'
import type { Service } from '../../worker/service.ts'
import { EmbeddedChain, person } from '../harness/embedded-chain.ts'
import { words } from '../unit/datanet/texts.ts'

const OPEN = 10n ** 18n
/** What governance begins with: half of a bond is lost, and three tenths of that go to the reporter. */
const REVIEW_SECONDS = INITIAL_VALUES.reviewSeconds
const FLAG_WEI = BigInt(INITIAL_VALUES.contributionBondGwei) * 10n ** 9n
const SALT = keccakHash(utf8('salt'))
const MANIFEST = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi' as Cid
const VALIDATORS = ['validator 1', 'validator 2', 'validator 3'].map(person)
const CONTRIBUTOR = person('contributor')

describe('bonds and reviews', () => {
  let chain: EmbeddedChain
  let rpc: Rpc
  let operator: ChainClient
  let contributor: ChainClient
  let flagger: ChainClient
  let validators: ChainClient[]
  let datanetId: number

  const contributions: Contribution[] = ['one', 'two', 'three'].map((text) => ({
    contributor: CONTRIBUTOR.account,
    name: `${text}.md`,
    licence: 'MIT',
    text,
  }))

  before(async () => {
    chain = await EmbeddedChain.start()
    rpc = new Rpc(chain.anvil.url)
    for (const validator of VALIDATORS) await chain.stake(validator, ['validator'], OPEN)
    validators = await Promise.all(VALIDATORS.map((validator) => chain.clientOf(validator)))
    operator = await chain.clientOf(person('operator'))
    contributor = await chain.clientOf(CONTRIBUTOR)
    flagger = await chain.clientOf(person('flagger'))
    datanetId = (await operator.createDatanet({ name: 'docs', licence: 'MIT' })).datanetId
    const version = { datanetId, count: 3, manifest: MANIFEST, totalBytes: 11, licence: 'MIT' }
    await operator.publishDatanet({ ...version, root: contributionsRoot(contributions) })
  })

  after(async () => {
    rpc?.close()
    await chain?.stop()
  })

  async function pass(seconds: number): Promise<void> {
    await rpc.request(z.unknown(), 'evm_increaseTime', [seconds])
    await rpc.request(z.unknown(), 'evm_mine', [])
  }

  function flagOf(index: number): Flag {
    const proof = merkleProof(contributions.map(contributionLeaf), index)
    return { datanetId, version: 1, contribution: contributions[index]!, proof }
  }

  async function judged(index: number, votes: readonly boolean[]): Promise<number> {
    return await judgedBy(flagOf(index), votes)
  }

  async function judgedBy(flag: Flag, votes: readonly boolean[]): Promise<number> {
    const { reviewId } = await flagContribution(flagger, flag)
    for (const [i, spam] of votes.entries()) {
      await commitVote(validators[i]!, { reviewId, spam, salt: SALT })
    }
    await pass(REVIEW_SECONDS / 2)
    for (const [i, spam] of votes.entries()) {
      const vote = { reviewId, spam, salt: SALT }
      await refused(revealVote(validators[i]!, { ...vote, spam: !spam }), 'BadReveal')
      await revealVote(validators[i]!, vote)
    }
    await refused(closeReview(operator, reviewId), 'TooEarly')
    await pass(REVIEW_SECONDS / 2)
    await closeReview(operator, reviewId)
    return reviewId
  }

  it('take a bond, and tell who has put one down', async () => {
    await refused(bond(contributor, datanetId, 1n), 'BondTooSmall')
    await bond(contributor, datanetId, OPEN)
    assert.deepEqual(await readStanding(operator, datanetId, CONTRIBUTOR.account), {
      bondWei: OPEN,
      bonded: true,
      scoreBps: 10_000,
      owedWei: 0n,
    })
  })

  it('cost a spammer its bond and its score', async () => {
    const forged = { ...flagOf(0), contribution: { ...contributions[0]!, text: 'another' } }
    await refused(flagContribution(flagger, forged), 'BadContribution')
    const reviewId = await judged(0, [true, true, false])
    const { verdict, spamWei, cleanWei, contributor: who } = await readReview(operator, reviewId)
    assert.deepEqual(
      [verdict, spamWei, cleanWei, who],
      ['spam', 2n * OPEN, OPEN, CONTRIBUTOR.account],
    )
    const standing = await readStanding(operator, datanetId, CONTRIBUTOR.account)
    assert.deepEqual([standing.bondWei, standing.scoreBps], [OPEN / 2n, 5000])
    const { owedWei } = await readStanding(operator, datanetId, flagger.account)
    assert.equal(owedWei, FLAG_WEI + (OPEN * 15n) / 100n)
    await withdrawFromReviews(flagger)
    await refused(withdrawFromReviews(flagger), 'NothingOwed')
    await refused(flagContribution(flagger, flagOf(0)), 'AlreadyFlagged')
  })

  it('cost who flags wrongly, and leave the contributor half of that', async () => {
    await judged(1, [false, false])
    const { bondWei, owedWei } = await readStanding(operator, datanetId, CONTRIBUTOR.account)
    assert.deepEqual([bondWei, owedWei], [OPEN / 2n, FLAG_WEI / 2n])
  })

  it('come to nothing where nobody votes', async () => {
    const reviewId = await judged(2, [])
    assert.equal((await readReview(operator, reviewId)).verdict, 'undecided')
  })

  it('tell what was judged, of one datanet and no other', async () => {
    const unknown = { ...contributions[0]!, text: 'another' }
    const asked = [...contributions, unknown]
    const verdicts = await readVerdicts(operator, datanetId, asked)
    assert.deepEqual(verdicts, ['spam', 'clean', 'undecided', 'none'])
    const many = Array.from({ length: 1001 }, () => contributions[1]!)
    assert.equal((await readVerdicts(operator, datanetId, [...many, ...asked]))[1001], 'spam')
    assert.deepEqual(await readVerdicts(operator, datanetId + 1, asked.slice(0, 1)), ['none'])
  })

  it('keep spam out of the next version, and let in what is like it', async () => {
    const publish = publishThrough(operator)
    const [spam, other] = ['spam', 'other'].map((label) => words(label, 100).join(' ')) as [
      string,
      string,
    ]
    const like = `${spam} ${words('more', 20).join(' ')}`
    const first = await publish([spam, other, like])
    assert.deepEqual([first.version, first.contributions], [1, 2])
    assert.deepEqual(first.refused, [{ name: '2.md', reason: 'near-duplicate' }])
    const door = createDoor()
    const published = [spam, other].map((text, place) => {
      const verdict = door.submit(submission(text, place))
      assert.ok(verdict.accepted)
      return verdict.contribution
    })
    assert.equal(first.root, contributionsRoot(published))
    const proof = merkleProof(published.map(contributionLeaf), 0)
    const flag = { datanetId: first.datanetId, version: 1, contribution: published[0]!, proof }
    await judgedBy(flag, [true, true, true])
    const { datanetId: next } = first
    const second = await publish([spam, other, like], { datanetId: next })
    assert.deepEqual([second.datanetId, second.version, second.contributions], [next, 2, 2])
    assert.deepEqual(second.refused, [{ name: '0.md', reason: 'judged-spam' }])
    // Elsewhere nobody has judged it.
    assert.equal((await publish([spam, other])).contributions, 2)
  })

  it('leave the next version to the operator', async () => {
    const text = words('theirs', 100).join(' ')
    const another = publishThrough(flagger)
    await assert.rejects(another([text], { datanetId }), (error: Error) => {
      assert.match(error.message, /Datanet \d+ is 0x[0-9a-f]{40}'s, and this gateway publishes as/)
      return error.message.includes(operator.account) && error.message.includes(flagger.account)
    })
    await assert.rejects(another([text], { datanetId: 9999 }), /There is no datanet 9999/)
    assert.equal((await another([text])).version, 1)
  })

  it('let a bond go when its time is over', async () => {
    await requestBondExit(contributor, datanetId)
    await refused(withdrawBond(contributor, datanetId), 'BondLocked')
    await pass(REVIEW_SECONDS)
    await withdrawBond(contributor, datanetId)
    assert.equal((await readStanding(operator, datanetId, CONTRIBUTOR.account)).bondWei, 0n)
  })
})

/** A contribution for each text, by its place. */
function submission(text: string, place: number) {
  const from = { contributor: CONTRIBUTOR.account, name: `${place}.md`, licence: 'MIT' }
  return { ...from, content: Buffer.from(text) }
}

/** Publishes by the API of a gateway that signs as the client. Rejects with what the API says. */
function publishThrough(client: ChainClient) {
  const content = { keep: async () => undefined }
  const service = { content, ownerChain: client, log: pino({ level: 'silent' }) }
  const routes = datanetRoutes(service as unknown as Service)
  routes.onError((error, c) => c.json({ message: error.message }, 400))
  return async (texts: readonly string[], more = {}) => {
    const offered = texts
      .map(submission)
      .map((one) => ({ ...one, content: one.content.toString('base64') }))
    const body = JSON.stringify({ name: 'docs', contributions: offered, ...more })
    const headers = { 'content-type': 'application/json' }
    const answer = await routes.request('/datanets', { method: 'POST', body, headers })
    const said = (await answer.json()) as { message: string }
    if (!answer.ok) throw new Error(said.message)
    return PublishedView.parse(said)
  }
}

const PublishedView = z.object({
  datanetId: z.int(),
  version: z.int(),
  contributions: z.int(),
  root: z.string(),
  refused: z.array(z.object({ name: z.string(), reason: z.string() })),
})

async function refused(call: Promise<unknown>, name: string): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ChainError)
    assert.equal(error.revert?.name, name)
    return true
  })
}
