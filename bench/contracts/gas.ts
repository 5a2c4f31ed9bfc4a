/** Gas of what a settled answer costs, of claims and of disputes. Gas is exact: it is measured once. */
import { encodeFunctionData } from 'viem'
import { disputesAbi } from '../../contracts/gen/Disputes.ts'
import {
  attributionLeaves,
  indexesRoot,
  score,
  sumLeaf,
  tokenBytes,
} from '../../protocol/attribution.ts'
import { keccak, toHex, utf8 } from '../../protocol/hash.ts'
import { merkleProof, merkleRoot, merkleWay, type Payout, sumWay } from '../../protocol/merkle.ts'
import { random } from '../../protocol/prng.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import { proveCount } from '../../worker/attribution/count-proof.ts'
import { buildSpanIndex } from '../../worker/attribution/span-index.ts'
import { spanTree } from '../../worker/attribution/span-tree.ts'
import type { Figure } from '../figure.ts'
import {
  type Draft,
  GasNetwork,
  leavesOf,
  PAYERS,
  person,
  placed,
  QUORUM,
  RECEIPTS,
  receiptFor,
  stranger,
} from './gas-network.ts'

/** A base transaction: what a call costs before it does anything. */
const BASE_GAS = 21_000
/** Coordinates of a row, and contributors in the index. */
const WIDTH = 512
const CONTRIBUTORS = 1024
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
  const leaves = leavesOf([receiptFor('fine-tune', owner.account, rootsOf().indexes, '')])
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

/** An index of so many contributors with a row each, and a text of 100,000 tokens in which a run occurs 300 times. */
function rootsOf() {
  const source = random(keccak(utf8('gas')), 'rows')
  const row = (): Int8Array => Int8Array.from({ length: WIDTH }, () => source.below(200) - 100)
  const owners = Array.from({ length: CONTRIBUTORS }, (_, index) => stranger(index))
  const rows = owners.map(row)
  const sums = rows.map((held, index) => sumLeaf(owners[index]!, [held]))
  const query = row()
  const run = Array.from({ length: 12 }, (_, index) => 500 + index)
  const text = Array.from({ length: 100_000 }, () => source.below(400))
  for (let at = 100; at < text.length; at += 333) text.splice(at, run.length, ...run)
  const spans = buildSpanIndex([text])
  const tree = spanTree(spans)
  const influence = merkleRoot(sums)
  return {
    ...{ owners, rows, sums, query, run, spans, tree, influence },
    indexes: indexesRoot(influence, tree.root),
  }
}

async function* disputes(network: GasNetwork, say: (line: string) => void): AsyncIterable<Figure> {
  say('disputes …')
  const owner = person('validator 0')
  const made = rootsOf()
  const tuned = receiptFor('fine-tune', owner.account, made.indexes, '')
  const client = await network.clientOf(owner)
  const tune = network.batch(leavesOf([tuned]), [], true)
  await network.post(tune, QUORUM)
  await network.finalise(tune)
  const { header } = tune
  const proof = merkleProof(leavesOf([tuned]), 0)
  await client.registerModel({ header, receipt: tuned, proof, owner: owner.account })

  const right = score(made.rows[5]!, made.query)
  const proved = proveCount(made.spans, made.tree, made.run)
  const occurrences = proved.hi - proved.lo
  const shaped = {
    attribution: {
      shares: made.owners.slice(0, 20).map((contributor, index) => {
        return { contributor, rows: 1, score: index === 5 ? right + 1 : 7 }
      }),
      decoys: 60,
      decoySquares: '123456789',
    },
    query: new Uint8Array(made.query.buffer),
    tokens: made.run,
    spans: [{ start: 0, end: made.run.length, occurrences: occurrences - 1 }],
  }
  const leaves = attributionLeaves(shaped)
  const answer = receiptFor('inference', owner.account, merkleRoot(leaves), tuned.output)
  yield await scoreDispute(network, made, shaped, leaves, answer)
  yield await spanDispute(network, made, proved, occurrences, leaves, answer)
}

type Made = ReturnType<typeof rootsOf>

async function scoreDispute(
  network: GasNetwork,
  made: Made,
  shaped: Parameters<typeof attributionLeaves>[0],
  leaves: readonly Uint8Array[],
  answer: Receipt,
): Promise<Figure> {
  const share = shaped.attribution.shares[5]!
  const vector = new Uint8Array(made.rows[5]!.buffer)
  const used = await dispute(network, answer, (place) =>
    encodeFunctionData({
      abi: disputesAbi,
      functionName: 'falseScore',
      args: [
        place,
        { decoys: 60n, decoySquares: 123_456_789n, query: toHex(shaped.query) },
        { contributor: share.contributor, rows: 1n, score: BigInt(share.score) },
        made.influence,
        made.tree.root,
        1n,
        toHex(vector),
        [merkleWay(leaves, 0), merkleWay(leaves, 6), merkleWay(made.sums, 5)],
      ],
    }),
  )
  return {
    name: `dispute of a score, k = ${WIDTH}`,
    value: used,
    unit: 'gas',
    bar: { atMost: 115_000 },
    note: `in a batch of ${RECEIPTS}, ${CONTRIBUTORS} contributors in the index`,
  }
}

async function spanDispute(
  network: GasNetwork,
  made: Made,
  proved: ReturnType<typeof proveCount>,
  occurrences: number,
  leaves: readonly Uint8Array[],
  answer: Receipt,
): Promise<Figure> {
  const { symbols, contributions, textRoot, suffixRoot, lo, hi, openings } = proved
  const inside = openings.length === 4 ? openings.slice(1, 3) : openings
  const places = [lo, hi - 1].map((at, index) => {
    const { suffix, text } = inside[index]!
    return {
      place: BigInt(at),
      suffix: { leaf: toHex(suffix.leaf), siblings: suffix.proof.siblings },
      text: { leaf: toHex(text.leaf), siblings: text.proof.siblings },
    }
  })
  const used = await dispute(network, answer, (place) =>
    encodeFunctionData({
      abi: disputesAbi,
      functionName: 'spanTooRare',
      args: [
        place,
        toHex(tokenBytes(made.run)),
        occurrences - 1,
        merkleWay(leaves, leaves.length - 1),
        made.influence,
        { symbols: BigInt(symbols), contributions: BigInt(contributions), textRoot, suffixRoot },
        places[0]!,
        places[1]!,
      ],
    }),
  )
  return {
    name: 'dispute of a span count',
    value: used,
    unit: 'gas',
    bar: { atMost: 130_000 },
    note: `${occurrences} places among ${symbols} symbols, a run of ${made.run.length} tokens`,
  }
}

/** Posts a batch with the answer, disputes it, and takes it back. */
async function dispute(
  network: GasNetwork,
  answer: Receipt,
  data: (place: ReturnType<typeof placed>) => `0x${string}`,
): Promise<number> {
  const leaves = leavesOf([answer])
  const draft = network.batch(leaves, [], true)
  await network.post(draft, QUORUM)
  const challenger = await network.clientOf(person('challenger'))
  const call = data(placed(draft, answer, leaves))
  const { gasUsed } = await challenger.write({ contract: 'disputes', what: 'dispute', data: call })
  await network.takeBack(draft)
  return Number(gasUsed)
}
