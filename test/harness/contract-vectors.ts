/**
 * What protocol and contracts must agree on to the byte, computed by protocol. `test/vectors/contracts.json` holds it
 * for the Solidity tests; run this file to write it anew.
 */
import { writeFileSync } from 'node:fs'
import { BatchHeader, chargesHash, Endorsement } from '../../protocol/batch.ts'
import { NodeConsent } from '../../protocol/consent.ts'
import {
  type Contribution,
  contributionHashes,
  contributionLeaf,
  contributionsRoot,
} from '../../protocol/datanet.ts'
import { SPLIT_BPS, splitFee } from '../../protocol/fee.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, toHex, utf8, word } from '../../protocol/hash.ts'
import { merkleProof, merkleRoot, type Payout, sumProof, sumRoot } from '../../protocol/merkle.ts'
import { Milestone, orderIdOf, Takeover } from '../../protocol/milestone.ts'
import { Receipt, receiptLeaf, TASKS } from '../../protocol/receipt.ts'
import { reviewSeal } from '../../protocol/review.ts'
import { type Domain, digest, hashStruct } from '../../protocol/struct.ts'
import { Voucher } from '../../protocol/voucher.ts'

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
    sumTrees: COUNTS.map(sumTree),
    charges: [0, 1, 3].map(charges),
    fees: fees(),
    milestone: milestone(),
    seals: [true, false].map((spam) => ({
      spam,
      seal: reviewSeal(7, account('validator'), spam, hash('salt')),
    })),
    contributions: contributions(),
  }
  return `${JSON.stringify(vectors, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 1)}\n`
}

function signed<S extends typeof Endorsement | typeof Voucher | typeof NodeConsent>(
  of: S,
  value: Parameters<typeof digest>[1],
) {
  return { value, digest: digest(of as never, value as never, DOMAIN) }
}

function receipts(): Receipt[] {
  const parts = { feeWei: 1000n, ...splitFee(1000n, SPLIT_BPS.inference) }
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
    ...splitFee(0n, SPLIT_BPS['fine-tune']),
  }
  const rich = 10n ** 39n - 1n
  return [full, bare, { ...full, feeWei: rich, ...splitFee(rich, SPLIT_BPS.inference) }]
}

function headers(): BatchHeader[] {
  const full: BatchHeader = {
    number: 7,
    receiptsRoot: hash('receipts'),
    receiptCount: 256,
    feeWei: 123_456_789n,
    charges: hash('charges'),
    payoutRoot: hash('payouts'),
    payoutCount: 3,
    payoutWei: 10n ** 24n,
    data: cid('data'),
  }
  return [
    full,
    { ...full, number: Number.MAX_SAFE_INTEGER, receiptCount: 4_294_967_295, feeWei: 0n },
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
  const proofs = payouts.map((_, index) => sumProof(payouts, index).siblings)
  const { hash: root, sumWei } = sumRoot(payouts)
  return {
    count,
    root,
    sumWei,
    accounts: payouts.map((payout) => payout.account),
    amounts: payouts.map((payout) => payout.cumulativeWei),
    siblingHashes: proofs.map((siblings) => siblings.map((sibling) => sibling.hash)),
    siblingWei: proofs.map((siblings) => siblings.map((sibling) => sibling.sumWei)),
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
      const { workerWei, validatorsWei, modelOwnerWei, contributorsWei, treasuryWei } = splitFee(
        feeWei,
        SPLIT_BPS[task],
      )
      const { worker, validators, modelOwner, contributors } = SPLIT_BPS[task]
      return {
        feeWei,
        bps: [worker, validators, modelOwner, contributors],
        parts: [workerWei, validatorsWei, modelOwnerWei, contributorsWei, treasuryWei],
      }
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

function hash(name: string): Hash {
  return keccakHash(utf8(name))
}

function account(name: string): Address {
  return `0x${hash(name).slice(26)}` as Address
}

/** Not a content id that any content has, but one in form. */
function cid(name: string): Cid {
  const digits = 'abcdefghijklmnopqrstuvwxyz234567'
  const letters = [...hash(name).slice(2)].map((hex) => digits[Number.parseInt(hex, 16)])
  return `bafyrei${letters.join('').slice(0, 52)}` as Cid
}

if (import.meta.main) writeFileSync(VECTORS, contractVectors())
