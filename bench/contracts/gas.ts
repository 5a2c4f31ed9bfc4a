/** Gas of what a settled answer costs, of claims and of disputes. Gas is exact: it is measured once. */
import { scoreParts, summed } from '../../protocol/attribution.ts'
import {
  attributionRoot,
  type InfluenceLeaves,
  indexesRoot,
  influenceRoot,
  rowLeaf,
  rowSum,
  type Shaped,
} from '../../protocol/evidence.ts'
import { keccak, keccakHash, utf8 } from '../../protocol/hash.ts'
import { merkleProof, type Payout, sumWay } from '../../protocol/merkle.ts'
import { random } from '../../protocol/prng.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import { falseShare, falseSpan } from '../../worker/attribution/evidence.ts'
import { buildSpanIndex, findRange } from '../../worker/attribution/span-index.ts'
import { spanTree } from '../../worker/attribution/span-tree.ts'
import type { Call } from '../../worker/chain/calls.ts'
import {
  falseCountCall,
  falseScoreCall,
  type PlacedReceipt,
} from '../../worker/chain/dispute-calls.ts'
import type { Figure } from '../figure.ts'
import {
  contentId,
  type Draft,
  GasNetwork,
  leavesOf,
  PAYERS,
  person,
  QUORUM,
  RECEIPTS,
  receiptFor,
  stranger,
} from './gas-network.ts'

/** A base transaction: what a call costs before it does anything. */
const BASE_GAS = 21_000
/** How an index lies: numbers in a row, contributors, and rows of each. */
interface Size {
  readonly width: number
  readonly contributors: number
  readonly rowsEach: number
}
const NARROW: Size = { width: 512, contributors: 1024, rowsEach: 1 }
/** As wide as rows get; a sum of that many rows takes two bytes a number. */
const WIDE: Size = { width: 16_384, contributors: 64, rowsEach: 16 }
/** Accounts that were ever paid. */
const PAYEES = 10_000
const BATCHES_A_COLLECTION = 10

export async function* gas(say: (line: string) => void): AsyncIterable<Figure> {
  await using network = await GasNetwork.start(say)
  yield* settlement(network, say)
  yield* disputes(network, say)
}

async function* settlement(
  network: GasNetwork,
  say: (line: string) => void,
): AsyncIterable<Figure> {
  const payouts = Array.from({ length: PAYEES }, (_, index): Payout => {
    return { account: stranger(index), cumulativeWei: 1_000_000_000n + BigInt(index) }
  }).sort((a, b) => (a.account < b.account ? -1 : 1))
  const owner = person('validator 0')
  const leaves = leavesOf([receiptFor('fine-tune', owner.account, indexesOf(NARROW).root, '')])
  say(`batches of ${RECEIPTS} receipts …`)
  // The first touches slots that no later one fills anew.
  await measured(network, network.batch(leaves, payouts, true), QUORUM)
  const open = await measured(network, network.batch(leaves, payouts, false), QUORUM)
  const more = await measured(network, network.batch(leaves, payouts, false), QUORUM + 7)
  const collecting = await measured(network, network.batch(leaves, payouts, true), QUORUM)
  const endorsement = Number(more.post - open.post) / 7
  const posting = Number(open.post + open.finalise) - QUORUM * endorsement
  const root = Number(collecting.finalise - open.finalise)
  yield {
    name: 'post + finalise, a receipt',
    value: posting / RECEIPTS,
    unit: 'gas',
    bar: { atMost: 35 },
    note: `${Math.round(posting)} a batch of ${RECEIPTS}, whatever is in it; each endorsement ${Math.round(endorsement)} more`,
  }
  yield {
    name: 'payout root',
    value: BASE_GAS + root,
    unit: 'gas',
    bar: { atMost: 36_000 },
    note: `for ${PAYEES} payees; ${root} of it within the transaction that makes the batch final`,
  }
  const raised = payouts.map(({ account, cumulativeWei }) => {
    return { account, cumulativeWei: 2n * cumulativeWei }
  })
  yield await everything(network, leaves, raised)
  yield* claims(network, raised)
}

/** A collection's batches from first to last: all posted with a quorum, the last collecting, all made final at once. */
async function everything(
  network: GasNetwork,
  leaves: readonly Uint8Array[],
  payouts: readonly Payout[],
): Promise<Figure> {
  const drafts: Draft[] = []
  let total = 0n
  for (let number = 1; number <= BATCHES_A_COLLECTION; number++) {
    const draft = network.batch(leaves, payouts, number === BATCHES_A_COLLECTION)
    drafts.push(draft)
    total += await network.post(draft, QUORUM)
  }
  const final = await network.finalise(...drafts)
  return {
    name: 'everything for one settled answer',
    value: Number(total + final) / (BATCHES_A_COLLECTION * RECEIPTS),
    unit: 'gas',
    bar: { atMost: 100 },
    note: `${BATCHES_A_COLLECTION} batches of ${RECEIPTS} posted with ${QUORUM} endorsements for ${total}, vouchers of ${PAYERS} payers in the last, all made final for ${final}`,
  }
}

async function* claims(network: GasNetwork, payouts: readonly Payout[]): AsyncIterable<Figure> {
  const relayer = await network.clientOf(person('relayer'))
  const index = 4321
  const claim = async (held: readonly Payout[]): Promise<bigint> => {
    const { account, cumulativeWei } = held[index]!
    const way = sumWay(held, index)
    return (await relayer.claimPayout({ account, cumulativeWei, way })).gasUsed
  }
  const firstGas = await claim(payouts)
  const raised = payouts.map(({ account, cumulativeWei }) => {
    return { account, cumulativeWei: cumulativeWei + 7n }
  })
  const draft = network.batch(leavesOf([], RECEIPTS), raised, true)
  await network.post(draft, QUORUM)
  await network.finalise(draft)
  const repeatGas = await claim(raised)
  const note = `of ${PAYEES} payees, sent by a relayer`
  yield { name: 'first claim', value: Number(firstGas), unit: 'gas', bar: { atMost: 95_000 }, note }
  yield {
    name: 'repeated claim',
    value: Number(repeatGas),
    unit: 'gas',
    bar: { atMost: 53_000 },
    note,
  }
}

async function measured(network: GasNetwork, draft: Draft, signers: number) {
  const post = await network.post(draft, signers)
  return { draft, post, finalise: await network.finalise(draft) }
}

/** An index of that size, and a text of 100,000 tokens in which a run occurs 300 times. */
function indexesOf({ width, contributors, rowsEach }: Size) {
  const source = random(keccak(utf8('gas')), 'rows')
  const row = (): Int8Array => Int8Array.from({ length: width }, () => source.below(200) - 100)
  const owners = Array.from({ length: contributors }, (_, index) => stranger(index)).sort()
  const held = owners.map((owner) => summed(owner, Array.from({ length: rowsEach }, row)))
  const influence: InfluenceLeaves = {
    head: utf8('gas'),
    rows: owners.map((_, example) => rowLeaf(example, row())),
    sums: held.map(rowSum),
  }
  const query = row()
  const run = Array.from({ length: 12 }, (_, index) => 500 + index)
  const text = Array.from({ length: 100_000 }, () => source.below(400))
  for (let at = 100; at < text.length; at += 333) text.splice(at, run.length, ...run)
  const spans = buildSpanIndex([text])
  const tree = spanTree(spans)
  const root = indexesRoot(influenceRoot(influence), tree.root)
  return { held, influence, query, run, spans, tree, root }
}

async function* disputes(network: GasNetwork, say: (line: string) => void): AsyncIterable<Figure> {
  say('disputes …')
  const made = indexesOf(NARROW)
  const falsified = await falseAnswer(network, made, 'narrow')
  const { answer, shaped } = falsified
  yield {
    ...(await scoreDispute(network, made, falsified, NARROW)),
    bar: { atMost: 115_000 },
  }
  const wide = indexesOf(WIDE)
  yield await scoreDispute(network, wide, await falseAnswer(network, wide, 'wide'), WIDE)
  const count = falseSpan(shaped, made.spans, made.tree)!
  const influence = influenceRoot(made.influence)
  // A batch that was taken back is not taken again, so this is about another job.
  const another = { ...answer, jobId: keccakHash(utf8('span')) }
  yield {
    name: 'dispute of a span count',
    value: await dispute(network, another, (at) => falseCountCall(at, count, influence)),
    unit: 'gas',
    bar: { atMost: 130_000 },
    note: `${shaped.spans[0]!.occurrences + 1} places among ${count.symbols} symbols, a run of ${made.run.length} tokens`,
  }
}

/** An answer by an adapter that is registered: one share of twenty is too high by one, and a span occurs once more than it says. */
async function falseAnswer(
  network: GasNetwork,
  made: ReturnType<typeof indexesOf>,
  name: string,
): Promise<{ readonly answer: Receipt; readonly shaped: Shaped }> {
  const owner = person('validator 0')
  const jobId = keccakHash(utf8(name))
  const output = contentId(name)
  const tuned = { ...receiptFor('fine-tune', owner.account, made.root, ''), jobId, output }
  const client = await network.clientOf(owner)
  const tune = network.batch(leavesOf([tuned]), [], true)
  await network.post(tune, QUORUM)
  await network.finalise(tune)
  const { header } = tune
  const proof = merkleProof(leavesOf([tuned]), 0)
  await client.registerModel({ header, receipt: tuned, proof, owner: owner.account })
  const { lo, hi } = findRange(made.spans, made.run, 0, made.run.length)
  const shares = made.held.slice(0, 20).map(({ contributor, rows, sum }, index) => {
    const parts = scoreParts(sum, made.query)
    if (index === 5) parts[2] += 1
    return { contributor, rows, parts }
  })
  const shaped: Shaped = {
    attribution: { shares, decoys: 60, decoySquares: '123456789' },
    query: new Uint8Array(made.query.buffer),
    tokens: made.run,
    spans: [{ start: 0, end: made.run.length, place: lo, occurrences: hi - lo - 1 }],
  }
  const answer = receiptFor('inference', owner.account, attributionRoot(shaped), tuned.output)
  return { answer: { ...answer, jobId: keccakHash(utf8(`${name} answer`)) }, shaped }
}

async function scoreDispute(
  network: GasNetwork,
  made: ReturnType<typeof indexesOf>,
  { answer, shaped }: Awaited<ReturnType<typeof falseAnswer>>,
  { width, contributors, rowsEach }: Size,
): Promise<Figure> {
  const score = falseShare(shaped, made.influence)!
  return {
    name: `dispute of a score, k = ${width}`,
    value: await dispute(network, answer, (at) => falseScoreCall(at, score, made.tree.root)),
    unit: 'gas',
    note: `in a batch of ${RECEIPTS}, ${contributors} contributors with ${rowsEach} rows each in the index`,
  }
}

/** Posts a batch with the answer, disputes it, and takes it back. */
async function dispute(
  network: GasNetwork,
  answer: Receipt,
  call: (placed: PlacedReceipt) => Call,
): Promise<number> {
  const leaves = leavesOf([answer])
  const draft = network.batch(leaves, [], true)
  await network.post(draft, QUORUM)
  const challenger = await network.clientOf(person('challenger'))
  const proof = merkleProof(leaves, 0)
  const { gasUsed } = await challenger.write(call({ header: draft.header, receipt: answer, proof }))
  await network.takeBack(draft)
  return Number(gasUsed)
}
