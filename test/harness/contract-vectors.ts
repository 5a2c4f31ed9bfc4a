/**
 * What protocol and contracts must agree on to the byte, computed by protocol. `test/vectors/contracts.json` holds it
 * for the Solidity tests; run this file to write it anew.
 */
import { writeFileSync } from 'node:fs'
import { rank } from '../../coordinator-free/rank.ts'
import { attribute, scoringRows } from '../../protocol/attribution.ts'
import { BatchHeader, chargesHash, Endorsement } from '../../protocol/batch.ts'
import { Claim } from '../../protocol/claim.ts'
import { NodeConsent } from '../../protocol/consent.ts'
import {
  type Contribution,
  contributionHashes,
  contributionLeaf,
  contributionsRoot,
} from '../../protocol/datanet.ts'
import {
  attributionRoot,
  headLeaf,
  indexesRoot,
  influenceRoot,
  partsBytes,
  rowPart,
  rowSum,
  rowSumLeaf,
  rowSumWay,
  type Shaped,
  shapedLeaves,
  shareWay,
  spanWay,
  tokenBytes,
} from '../../protocol/evidence.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import { MAX_WEI } from '../../protocol/fields.ts'
import { fromHex, toHex, utf8, word } from '../../protocol/hash.ts'
import { merkleProof, merkleRoot, type Payout, sumRoot, sumWay } from '../../protocol/merkle.ts'
import { Milestone, orderIdOf, Takeover } from '../../protocol/milestone.ts'
import { Opening } from '../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import { payoutOf, payoutRoot } from '../../protocol/payouts.ts'
import { Receipt, receiptLeaf, TASKS } from '../../protocol/receipt.ts'
import { reviewSeal } from '../../protocol/review.ts'
import { gumbelQ64 } from '../../protocol/sampling.ts'
import { type Domain, digest, hashStruct } from '../../protocol/struct.ts'
import { Vote } from '../../protocol/vote.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { parameterChanges, parameterSets, parameters, threshold } from './governance-vectors.ts'
import { CLAIM, OPENING, VOTE } from './statement-vectors.ts'
import { account, cid, hash } from './vector-names.ts'

export const VECTORS = new URL('../vectors/contracts.json', import.meta.url)

/** One leaf, pairs, and odd counts that leave a node to move up alone on one level or on several. */
const COUNTS = [1, 2, 3, 4, 5, 6, 7, 9, 11, 16, 17, 33]

const DOMAIN: Domain = { chainId: 31_337, contract: account('a contract') }

/** Text of the vectors' file. */
export function contractVectors(): string {
  const vectors = {
    domain: DOMAIN,
    receipts: receipts().map((receipt) => ({
      receipt,
      leaf: toHex(receiptLeaf(receipt)),
      digest: digest(Receipt, receipt, DOMAIN),
    })),
    headers: headers().map((header) => ({
      header,
      hash: toHex(hashStruct(BatchHeader, header)),
      digest: digest(BatchHeader, header, DOMAIN),
    })),
    endorsement: signed(Endorsement, { validator: account('validator'), header: hash('header') }),
    voucher: signed(Voucher, { payer: account('payer'), cumulativeWei: 12n * 10n ** 18n + 7n }),
    consent: signed(NodeConsent, {
      node: account('node'),
      owner: account('owner'),
      roles: 6n,
      nonce: 3n,
    }),
    trees: COUNTS.map(tree),
    sumTrees: [...COUNTS.map(sumTree), pagedTree()],
    charges: [0, 1, 3].map(charges),
    fees: fees(),
    evidence: evidence(),
    claim: signed(Claim, CLAIM),
    vote: signed(Vote, VOTE),
    opening: signed(Opening, OPENING),
    parameters: parameters(),
    parameterSets: parameterSets(),
    parameterChanges: parameterChanges(),
    threshold: threshold(),
    milestone: milestone(),
    seals: [true, false].map((spam) => ({
      spam,
      seal: reviewSeal(7, account('validator'), spam, hash('salt')),
    })),
    contributions: contributions(),
    noise: noise(),
    turns: turns(),
  }
  return `${JSON.stringify(vectors, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 1)}\n`
}

function signed(of: unknown, value: Parameters<typeof digest>[1]) {
  return { value, digest: digest(of as never, value as never, DOMAIN) }
}

function receipts(): Receipt[] {
  const parts = { feeWei: 1000n, ...splitFee(1000n, splitOf('inference', INITIAL_VALUES)) }
  const full: Receipt = {
    jobId: hash('job'),
    task: 'inference',
    requester: account('requester'),
    worker: account('worker'),
    claim: hash('claim'),
    passedBy: [account('auditor 1'), account('auditor 2')],
    failedBy: [account('auditor 3')],
    model: cid('model'),
    adapter: cid('adapter'),
    output: cid('output'),
    attribution: hash('attribution'),
    units: 4_294_967_295,
    ...parts,
  }
  const bare: Receipt = {
    ...full,
    task: 'fine-tune',
    passedBy: [],
    failedBy: [],
    adapter: '',
    units: 0,
    feeWei: 0n,
    ...splitFee(0n, splitOf('fine-tune', INITIAL_VALUES)),
  }
  const split = splitOf('inference', INITIAL_VALUES)
  return [full, bare, { ...full, feeWei: MAX_WEI, ...splitFee(MAX_WEI, split) }]
}

function headers(): BatchHeader[] {
  const full: BatchHeader = {
    number: 7,
    epoch: 3,
    proposer: account('proposer'),
    receiptsRoot: hash('receipts'),
    receiptCount: 256,
    feeWei: 123_456_789n,
    charges: hash('charges'),
    collectedWei: 987_654_321n,
    openWei: 5n,
    payoutRoot: hash('payouts'),
    strictness: 1300,
    answers: 12,
    payees: 34,
    data: cid('data'),
    availability: 'eigenda/0x0100',
  }
  return [
    full,
    {
      ...full,
      number: Number.MAX_SAFE_INTEGER,
      receiptCount: 4_294_967_295,
      feeWei: 0n,
      availability: '',
    },
  ]
}

function tree(count: number) {
  const leaves = Array.from({ length: count }, (_, index) => word(BigInt(hash(`leaf ${index}`))))
  return {
    count,
    root: merkleRoot(leaves),
    leaves: leaves.map(toHex),
    siblings: leaves.map((_, index) => merkleProof(leaves, index).siblings),
  }
}

function sumTree(count: number) {
  const payouts: Payout[] = Array.from({ length: count }, (_, index) => ({
    account: account(`payee ${index}`),
    cumulativeWei: BigInt(index) ** 5n * 10n ** 15n,
  }))
  const ways = payouts.map((_, index) => sumWay(payouts, index))
  return {
    count,
    root: sumRoot(payouts),
    accounts: payouts.map((payout) => payout.account),
    amounts: payouts.map((payout) => payout.cumulativeWei),
    paths: ways.map(({ path }) => path),
    siblings: ways.map(({ siblings }) => siblings),
  }
}

/** Payouts on pages, as a batch has them. */
function pagedTree() {
  const payouts = Array.from({ length: 11 }, (_, index): Payout => {
    return { account: account(`payee ${index}`), cumulativeWei: BigInt(index + 1) * 10n ** 17n }
  }).sort((a, b) => (a.account < b.account ? -1 : 1))
  const pages = [payouts.slice(0, 5), payouts.slice(5, 6), payouts.slice(6)]
  const ways = payouts.map((payout) => payoutOf(pages, payout.account)!.way)
  return {
    count: payouts.length,
    root: payoutRoot(pages),
    accounts: payouts.map((payout) => payout.account),
    amounts: payouts.map((payout) => payout.cumulativeWei),
    paths: ways.map(({ path }) => path),
    siblings: ways.map(({ siblings }) => siblings),
  }
}

function charges(count: number) {
  const list = Array.from({ length: count }, (_, index) => ({
    payer: account(`payer ${index}`),
    feeWei: BigInt(index) * 10n ** 17n,
  })).sort((a, b) => (a.payer < b.payer ? -1 : 1))
  return {
    payers: list.map(({ payer }) => payer),
    fees: list.map(({ feeWei }) => feeWei),
    hash: chargesHash(list),
  }
}

function fees() {
  const amounts = [0n, 1n, 9_999n, 10_001n, 10n ** 18n + 7n]
  return TASKS.flatMap((task) =>
    amounts.map((feeWei) => {
      const split = splitOf(task, INITIAL_VALUES)
      const parts = splitFee(feeWei, split)
      const { worker, validators, modelOwner, contributors, stakers } = split
      const { workerWei, validatorsWei, modelOwnerWei, contributorsWei, stakersWei } = parts
      return {
        feeWei,
        bps: [worker, validators, modelOwner, contributors, stakers],
        parts: [workerWei, validatorsWei, modelOwnerWei, contributorsWei, stakersWei],
        treasuryWei: parts.treasuryWei,
      }
    }),
  )
}

/** An answer's attribution with each of its leaves, and the sums of the index that its scores are worked out from. */
function evidence() {
  const query = Int8Array.from({ length: 70 }, (_, i) => ((i * 37) % 256) - 128)
  const rows = [1, 3].map((count) =>
    Array.from({ length: count }, (_, row) =>
      Int8Array.from(query, (_, i) => (((i + 3) * (row + 5) * 41) % 256) - 128),
    ),
  )
  const contributors = [account('contributor 1'), account('contributor 2')]
  const owners = rows.flatMap((held, i) => held.map(() => contributors[i]))
  const scoring = scoringRows(rows.flat(), owners)
  const { shares } = attribute(scoring, query)
  const sums = scoring.sums.map(rowSum)
  const tokens = [5, 70_000, 4_294_967_295, 8, 9]
  const spans = [{ start: 1, end: 4, place: 70_001, occurrences: 17 }]
  const shaped: Shaped = {
    attribution: { shares, decoys: 3, decoySquares: '340282366920938463463374607431' },
    query: Uint8Array.from(query),
    tokens,
    spans,
  }
  const ways = [shareWay(shaped, 0), shareWay(shaped, 1), spanWay(shaped, 0)]
  const index = { head: utf8('head'), rows: [utf8('row')], sums }
  const [influence, spanIndex] = [hash('influence'), hash('spans')]
  return {
    decoys: shaped.attribution.decoys,
    decoySquares: shaped.attribution.decoySquares,
    shares: shares.map((share) => ({ ...share, packed: toHex(partsBytes(share.parts)) })),
    queryParts: partsOf(toHex(shaped.query), 1),
    vectorParts: sums.map(({ bytes, coordinateBytes }) => partsOf(toHex(bytes), coordinateBytes)),
    sums: sums.map((sum) => toHex(rowSumLeaf(sum))),
    sumWays: sums.map((_, at) => rowSumWay(index, at)),
    influence: influenceRoot(index),
    span: { place: 70_001, occurrences: 17, tokens: toHex(tokenBytes(tokens.slice(1, 4))) },
    root: attributionRoot(shaped),
    head: toHex(headLeaf(shaped)),
    leaves: shapedLeaves(shaped).map(toHex),
    ways,
    indexes: { influence, spans: spanIndex, root: indexesRoot(influence, spanIndex) },
  }
}

function partsOf(row: `0x${string}`, coordinateBytes: number) {
  return [0, 1, 2, 3].map((part) => {
    const { coordinates, siblings } = rowPart(fromHex(row), coordinateBytes, part)
    return { coordinates: toHex(coordinates), siblings }
  })
}

/** Noise for tokens at several places, the largest and smallest draws among some thousand too. */
function noise() {
  const drawn = Array.from({ length: 2000 }, (_, number) => {
    const seed = hash(`seed ${number % 7}`)
    const [position, token] = [number % 50, (number * 7919) % 150_000]
    return { seed, position, token, gumbel: gumbelQ64(fromHex(seed), position, token) }
  })
  const ranked = [...drawn].sort((a, b) => (a.gumbel < b.gumbel ? -1 : 1))
  return [...drawn.slice(0, 36), ...ranked.slice(0, 2), ...ranked.slice(-2)]
}

/** Nodes of unequal stakes in the order of their turns. */
function turns() {
  const members = Array.from({ length: 7 }, (_, number) => {
    const node = account(`member ${number}`)
    return { node, owner: node, roles: [], stakeWei: 10n ** 18n * BigInt(1 + number ** 2) }
  })
  return ['execute', 'audit', 'propose'].flatMap((purpose) =>
    [1, 2].map((number) => {
      const subject = hash(`subject ${number}`)
      const order = rank(members, purpose, subject)
      const nodes = order.map(({ node }) => node)
      return { purpose, subject, nodes, stakesWei: order.map(({ stakeWei }) => stakeWei) }
    }),
  )
}

function milestone() {
  const reached: Milestone = { jobId: hash('job'), index: 31, commitment: hash('state') }
  const takeover: Takeover = { jobId: hash('job'), round: 2, payee: account('heir') }
  return {
    reached: { ...reached, digest: digest(Milestone, reached, DOMAIN) },
    takeover: { ...takeover, digest: digest(Takeover, takeover, DOMAIN) },
    order: { requester: account('requester'), id: orderIdOf(account('requester'), hash('job')) },
  }
}

/** A version of three, with text that is more than ASCII. */
function contributions() {
  const list: Contribution[] = ['plain', 'Öffentlich', '数据'].map((text, index) => ({
    contributor: account(`contributor ${index}`),
    name: `${text}.md`,
    licence: 'CC-BY-4.0',
    text: `${text}\n`,
  }))
  const leaves = list.map(contributionLeaf)
  return {
    root: contributionsRoot(list),
    list: list.map((contribution, index) => ({
      ...contributionHashes(contribution),
      leaf: toHex(leaves[index]!),
      siblings: merkleProof(leaves, index).siblings,
    })),
  }
}

if (import.meta.main) writeFileSync(VECTORS, contractVectors())
