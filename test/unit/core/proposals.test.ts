import { deepEqual, equal, ok } from 'node:assert/strict'
import { hasRoomForBond } from '../../../coordinator-free/bonds.ts'
import type { Effect } from '../../../coordinator-free/events.ts'
import { leastFirstPayWei, MAX_NEWCOMERS } from '../../../coordinator-free/newcomers.ts'
import type { Core } from '../../../coordinator-free/node.ts'
import type { Attribution, Share } from '../../../protocol/attribution.ts'
import { headerHash, type Proposal } from '../../../protocol/batch.ts'
import type { Envelope } from '../../../protocol/envelope.ts'
import type { Address } from '../../../protocol/fields.ts'
import { type Hash, toHex, word, ZERO_HASH } from '../../../protocol/hash.ts'
import type { Job } from '../../../protocol/job.ts'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import {
  BATCH_WAIT_MS,
  MAX_BATCH_RECEIPTS,
  MAX_ENVELOPE_BYTES,
  TURN_MS,
  UNENDORSED_MS,
} from '../../../protocol/params.ts'
import { accountsIn, cumulativeOf, MAX_PAGES } from '../../../protocol/payouts.ts'
import type { Receipt } from '../../../protocol/receipt.ts'
import {
  type BatchData,
  BatchDocument,
  blockOfBatch,
  headerOf,
  isHandy,
  MAX_CARRIES,
  MAX_CHARGES,
} from '../../../protocol/settlement.ts'
import {
  addressNumber,
  block,
  claimEnvelope,
  council,
  jobEnvelope,
  openingEnvelope,
  reasonFor,
  receive,
  signed,
  stake,
  tell,
  turnsOf,
  VALIDATORS,
  voteEnvelope,
} from '../../harness/council.ts'
import { cidNumber, hashNumber, NOW_MS } from '../../harness/messages.ts'
import { dataOf, dutiesOf } from '../../harness/settled.ts'

const [SELF, OTHER, THIRD] = VALIDATORS
const HOUR_MS = 3_600_000
const NOBODY: Attribution = { shares: [], decoys: 1, decoySquares: '1' }

/** Epochs last as long as on a live chain, or nearly. */
const PARAMETERS = { parameters: { initial: INITIAL_VALUES, epochSeconds: 36_000 } }

/** Has a job done, passed by all and read. */
function settle(
  core: Core,
  number: number,
  { attribution = NOBODY, ...change }: Partial<Job> & { readonly attribution?: Attribution } = {},
  nowMs = NOW_MS,
) {
  const job = jobEnvelope(number, change)
  const claim = claimEnvelope(job.digest, turnsOf(core, job.digest)[0]!)
  const votes = VALIDATORS.map((validator) => voteEnvelope(claim, validator))
  const openings = VALIDATORS.map((validator) => openingEnvelope(claim, validator))
  for (const one of [job, claim, ...votes, ...openings]) receive(core, one, nowMs)
  core.handle({ kind: 'read', claim: claim.digest, attribution }, nowMs)
  return { claim, votes }
}

/** A core that could propose one claim, and a proposal of that by another. */
function ready(self: number = SELF) {
  const core = council(self, PARAMETERS)
  const { claim, votes } = settle(core, 1)
  block(core, 3)
  const epoch = core.ledger.parameters.epochAt(NOW_MS)
  const rival = (change: Partial<Proposal> = {}): Envelope => {
    const named = { claims: [claim.digest], votes: votes.map(({ digest }) => digest).sort() }
    const common = { proposer: addressNumber(OTHER), number: 1, previous: ZERO_HASH, epoch }
    const how = { collects: true, availability: '', issuedAtMs: NOW_MS }
    return signed({ kind: 'proposal', body: { ...common, ...named, ...how, ...change } }, OTHER)
  }
  return { core, rival, epoch }
}

/** The first offer within so long, and after how long; data and posts that it asks for fail. */
function offered(core: Core, withinMs: number, fromMs = NOW_MS) {
  for (let nowMs = fromMs; nowMs <= fromMs + withinMs; nowMs += 1000) {
    const effects = core.handle({ kind: 'tick' }, nowMs)
    const [offer] = dutiesOf(effects, 'offer')
    if (offer) return { ...offer, afterMs: nowMs - fromMs }
    for (const { duty } of [...dutiesOf(effects, 'retrieve'), ...dutiesOf(effects, 'post')]) {
      core.handle({ kind: 'duty-failed', duty }, nowMs)
    }
  }
  return undefined
}

/** The batch is posted, and its data is known. */
function post(core: Core, data: BatchData, duty: string, nowMs: number): void {
  const header = headerOf(data)
  const [finalAtMs, txHash] = [nowMs + HOUR_MS, hashNumber(70 + data.number)]
  tell(core, { kind: 'batch-posted', blockNumber: 9, header, finalAtMs, txHash }, nowMs)
  core.handle({ kind: 'batch-read', number: data.number, data }, nowMs)
  core.handle({ kind: 'duty-done', duty }, nowMs)
}

function endorsed(effects: readonly Effect[]) {
  return dutiesOf(effects, 'publish').flatMap(({ message }) =>
    message.kind === 'endorsement' ? [message.body.header] : [],
  )
}

const endorsement = (header: Hash, validator: number): Envelope =>
  signed({ kind: 'endorsement', body: { validator: addressNumber(validator), header } }, validator)

/** The latest at which a proposal comes where nothing is in the way. */
const AT_ONCE_MS = BATCH_WAIT_MS + VALIDATORS.length * TURN_MS

describe('a proposal of another', () => {
  it('is waited for while it may come to be posted', () => {
    const { core, rival } = ready()
    const [header] = endorsed(receive(core, rival()))
    for (const validator of [OTHER, THIRD]) receive(core, endorsement(header!, validator))
    equal(offered(core, 60_000), undefined)
  })

  it('of an epoch to come is not admitted: no contract would take it', () => {
    const { core, rival, epoch } = ready()
    equal(reasonFor(core, rival({ epoch: epoch + 1_000_000 }).bytes), 'from-the-future')
    ok(offered(core, AT_ONCE_MS))
  })

  it('whose data nobody can get holds up the others for a while only', () => {
    const { core, rival } = ready()
    receive(core, rival({ availability: 'eigenda/0x01' }))
    const { afterMs } = offered(core, UNENDORSED_MS + AT_ONCE_MS)!
    ok(afterMs >= UNENDORSED_MS)
  })

  it('is not waited for, nor endorsed, where its proposer cannot put up the bond', () => {
    const { core, rival } = ready()
    const bonds = Number(10n ** 9n / BigInt(INITIAL_VALUES.batchBondGwei))
    let previous = ZERO_HASH
    for (let number = 1; number <= bonds; number++) {
      const header = headerOf({ ...dataOf(number, []), previous, proposer: addressNumber(OTHER) })
      const [finalAtMs, txHash] = [NOW_MS + HOUR_MS, hashNumber(70 + number)]
      tell(core, { kind: 'batch-posted', blockNumber: 2, header, finalAtMs, txHash })
      const data = { ...dataOf(number, []), previous, proposer: addressNumber(OTHER) }
      core.handle({ kind: 'batch-read', number, data }, NOW_MS)
      previous = headerHash(header)
    }
    const late = rival({ number: bonds + 1, previous })
    deepEqual(endorsed(receive(core, late)), [])
    ok(offered(core, AT_ONCE_MS))
    const bound = council(OTHER, PARAMETERS)
    settle(bound, 1)
    stake(bound, OTHER, ['validator'], 10n ** 17n - 1n)
    equal(offered(bound, 60_000), undefined)
  })

  it('is not endorsed where its proposer is a new key of who has no bond left', () => {
    const { core, epoch } = ready()
    const [HEIR, bondWei] = [8, 10n ** 17n]
    const data = { ...dataOf(1, []), proposer: addressNumber(THIRD) }
    const [finalAtMs, txHash] = [NOW_MS + HOUR_MS, hashNumber(71)]
    tell(core, { kind: 'batch-posted', blockNumber: 2, header: headerOf(data), finalAtMs, txHash })
    core.handle({ kind: 'batch-read', number: 1, data }, NOW_MS)
    tell(core, { kind: 'exiting', blockNumber: 4, node: addressNumber(THIRD) })
    const heir = { node: addressNumber(HEIR), owner: addressNumber(THIRD + 500) }
    const grow = (stakeWei: bigint) =>
      tell(core, { kind: 'staked', blockNumber: 4, ...heir, roles: ['validator'], stakeWei })
    grow(2n * bondWei - 1n)
    equal(hasRoomForBond(core.ledger, heir.node, epoch), false)
    grow(2n * bondWei)
    equal(hasRoomForBond(core.ledger, heir.node, epoch), true)
  })

  it('is let go of when its proposer leaves', () => {
    const { core, rival } = ready()
    const [header] = endorsed(receive(core, rival()))
    for (const validator of [SELF, THIRD]) receive(core, endorsement(header!, validator))
    tell(core, { kind: 'exiting', blockNumber: 4, node: addressNumber(OTHER) })
    ok(offered(core, AT_ONCE_MS))
  })

  it('is worked out anew when the chain tells of another owner', () => {
    const [early, late] = [ready(SELF), ready(THIRD)]
    const { model, adapter } = { model: cidNumber(1), adapter: cidNumber(2) }
    const about = { blockNumber: 4, adapter, base: model, jobId: hashNumber(9), batch: 1 }
    const registered = { kind: 'model-registered', owner: addressNumber(300), ...about } as const
    tell(early.core, registered as never)
    const [wanted] = endorsed(receive(early.core, early.rival()))
    const [before] = endorsed(receive(late.core, late.rival()))
    ok(before !== wanted)
    deepEqual(endorsed(tell(late.core, registered as never)), [wanted])
  })

  it('must collect what is due, or nobody endorses it', () => {
    const { core, rival } = ready()
    deepEqual(endorsed(receive(core, rival({ collects: false }))), [])
  })
})

describe('a batch with its quorum', () => {
  it('is posted without the words of those who have left: the contract takes none of them', () => {
    const core = council(SELF, PARAMETERS)
    const { claim, votes } = settle(core, 1)
    block(core, 3)
    const named = { claims: [claim.digest], votes: votes.map(({ digest }) => digest).sort() }
    const epoch = core.ledger.parameters.epochAt(NOW_MS)
    const common = { proposer: addressNumber(OTHER), number: 1, previous: ZERO_HASH, epoch }
    const how = { collects: true, availability: '', issuedAtMs: NOW_MS }
    const body = { ...common, ...named, ...how }
    const [header] = endorsed(receive(core, signed({ kind: 'proposal', body }, OTHER)))
    receive(core, endorsement(header!, THIRD))
    tell(core, { kind: 'exiting', blockNumber: 4, node: addressNumber(THIRD) })
    const effects = [SELF, OTHER].flatMap((one) => receive(core, endorsement(header!, one)))
    const late = core.handle({ kind: 'tick' }, NOW_MS + TURN_MS)
    const [post] = dutiesOf([...effects, ...late], 'post')
    const signers = post!.endorsements.map(({ validator }) => validator)
    deepEqual(signers, [SELF, OTHER].map(addressNumber).sort())
  })
})

describe('what one message and one block can hold', () => {
  it('is enough for the claims and votes that a proposal names', () => {
    const core = council(SELF, PARAMETERS)
    for (let number = 1; number <= 256; number++) settle(core, number, { adapter: '' })
    block(core, 3)
    const { proposal, afterMs } = offered(core, AT_ONCE_MS)!
    const { bytes } = signed({ kind: 'proposal', body: proposal }, SELF)
    ok(bytes.length <= MAX_ENVELOPE_BYTES && proposal.claims.length > 200)
    equal(reasonFor(core, bytes, NOW_MS + afterMs, 'journal'), 'admitted')
  })

  it('is enough for all pages, carries, charges and receipts there may be', () => {
    const most = { ...dataOf(1, RECEIPTS), ...full({ pages: MAX_PAGES, charges: MAX_CHARGES }) }
    ok(isHandy(most))
    ok(BatchDocument.decode(blockOfBatch(most).bytes).ok)
    ok(!isHandy({ ...most, ...full({ pages: 0, charges: MAX_CHARGES + 1 }) }))
  })

  it('is left to those who work, however many contributors strangers name', () => {
    const core = council(SELF, PARAMETERS)
    const prices = [10n ** 14n, 10n ** 14n, 10n ** 9n, 10n ** 14n]
    let nowMs = NOW_MS
    let places = 0
    for (const [round, unitWei] of prices.entries()) {
      const shares = Array.from({ length: 4096 }, (_, index): Share => {
        const pull = 1000 + index
        return { contributor: account(4096 * round + index), rows: 1, parts: [pull, 0, 0, 0] }
      })
      const attribution = { shares, decoys: 1000, decoySquares: '1000' }
      const adapter = cidNumber(900 + round)
      const cheap = { maxUnits: 1, unitWei, issuedAtMs: nowMs, deadlineMs: nowMs + HOUR_MS }
      settle(core, round + 1, { attribution, adapter, ...cheap }, nowMs)
      block(core, 3 + round, nowMs)
      const { data, duty } = offered(core, AT_ONCE_MS, nowMs)!
      equal(data.receipts.length, 1)
      const carried = data.carries.find((one) => one.adapter === adapter)!.wei
      const paid = shares.flatMap(({ contributor }) => cumulativeOf(data.pages, contributor) ?? [])
      equal(paid.length, unitWei > 10n ** 9n ? MAX_NEWCOMERS : 0)
      ok(paid.every((wei) => wei >= leastFirstPayWei(places)))
      equal(cumulativeOf(data.pages, shares[0]!.contributor), undefined)
      ok(carried > 0n)
      post(core, data, duty, nowMs)
      places = accountsIn(data.pages)
      nowMs += 15_000
    }
  })

  it('gives the treasury what one adapter too many would carry on', () => {
    const core = council(SELF, PARAMETERS)
    const data = { ...dataOf(1, []), ...full({ pages: 0, charges: 0 }) }
    const [finalAtMs, txHash] = [NOW_MS + HOUR_MS, hashNumber(71)]
    tell(core, { kind: 'batch-posted', blockNumber: 2, header: headerOf(data), finalAtMs, txHash })
    core.handle({ kind: 'batch-read', number: 1, data }, NOW_MS)
    settle(core, 1)
    block(core, 3)
    const { data: next } = offered(core, AT_ONCE_MS)!
    equal(next.carries.length, MAX_CARRIES)
    const payouts = next.pages.flat()
    const paidWei = payouts.reduce((sum, { cumulativeWei }) => sum + cumulativeWei, 0n)
    equal(paidWei, next.receipts[0]!.feeWei)
  })
})

const account = (number: number) => toHex(word(BigInt(number) + 2n ** 90n).subarray(12)) as Address

const WEI = 10n ** 27n - 1n
const RECEIPT = {
  ...{
    jobId: hashNumber(1),
    task: 'fine-tune' as const,
    requester: account(1),
    worker: account(2),
  },
  ...{ claim: hashNumber(3), passedBy: [1, 2, 3].map(account), failedBy: [4, 5, 6].map(account) },
  ...{
    model: cidNumber(1),
    adapter: cidNumber(2),
    output: cidNumber(3),
    attribution: hashNumber(4),
  },
  ...{ units: 2 ** 31, feeWei: WEI, workerWei: WEI, validatorsWei: WEI, modelOwnerWei: WEI },
  ...{ contributorsWei: WEI, stakersWei: WEI, treasuryWei: WEI },
} satisfies Receipt

const RECEIPTS = Array.from({ length: MAX_BATCH_RECEIPTS }, () => RECEIPT)

/** As many entries of each kind, as large as they get. */
function full({ pages, charges }: { readonly pages: number; readonly charges: number }) {
  const adapters = Array.from({ length: MAX_CARRIES }, (_, index) => cidNumber(100_000 + index))
  const signature = `0x${'11'.repeat(65)}` as const
  return {
    pages: Array.from({ length: pages }, (_, index) => {
      return [{ account: account(index), cumulativeWei: WEI }]
    }),
    carries: adapters.sort().map((adapter) => ({ adapter, wei: WEI })),
    charges: Array.from({ length: charges }, (_, index) => {
      return { payer: account(index), feeWei: 2n ** 90n, cumulativeWei: WEI, signature }
    }),
  }
}
