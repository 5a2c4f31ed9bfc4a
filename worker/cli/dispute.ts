/** `tributary dispute`: receipts that cannot be had are asked for on the chain; what is not shown there makes its batch false. */
import { Command } from 'commander'
import { merkleProof } from '../../protocol/merkle.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import { BatchDocument } from '../../protocol/settlement.ts'
import type { ChainClient } from '../chain/client.ts'
import { demandReceipt, forecloseBatch, readDemandTerms, showReceipt } from '../chain/demands.ts'
import { owedByCases } from '../chain/holdings.ts'
import { withdrawFromJuryCall } from '../chain/jury-calls.ts'
import {
  type DemandView,
  openBatches,
  type PostedBatch,
  readBatch,
  readDemands,
} from '../chain/posted-batches.ts'
import { counted, place } from './arguments.ts'
import { chainCommand, example, keyedCommand, reportWrite } from './chain-command.ts'
import { type ChainFlags, type JsonFlag, type KeyFlags, reading, writing } from './chain-here.ts'
import { Client, ClientError, nodeUrl } from './client.ts'
import { fetchDocument } from './documents.ts'
import { timeOf } from './durations.ts'
import { print, printJson, say, table } from './output.ts'

type Writing = KeyFlags & JsonFlag

const PLACE = 'of the receipt in the batch, from 0'

export function disputeCommand(): Command {
  const command = new Command('dispute').description('ask for receipts that are withheld')
  example(
    chainCommand(command, 'status', 'what was asked of the batches that are not final')
      .argument('[batch]', 'one of them, or any other', counted)
      .action(status),
    'dispute status',
  )
  example(
    asking(
      command,
      'demand',
      'ask for a receipt that nobody gives you; costs a bond, which a batch that is false gives back',
    ).action(demand),
    'dispute demand 12 3',
  )
  example(
    asking(command, 'show', 'answer a demand; half of its bond is yours')
      .option('--node <url>', 'a node that fetches the data [TRIBUTARY_NODE]')
      .action(show),
    'dispute show 12 3',
  )
  example(
    asking(
      command,
      'foreclose',
      'have a batch judged false whose receipt was not shown in time',
    ).action(foreclose),
    'dispute foreclose 12 3',
  )
  example(
    keyedCommand(
      command,
      'withdraw',
      "take what cases before a jury have left you, as a node does by itself: bonds, jurors' pay",
    ).action(withdraw),
    'dispute withdraw --key .tributary/node/node.key',
  )
  return command
}

function asking(parent: Command, name: string, description: string): Command {
  return keyedCommand(parent, name, description)
    .argument('<batch>', 'its number', counted)
    .argument('<index>', PLACE, place)
}

function status(number: number | undefined, flags: ChainFlags & JsonFlag): Promise<void> {
  return reading(flags, async (chain) => {
    const numbers = number === undefined ? await openBatches(chain) : [number]
    const batches = []
    for (const one of numbers) {
      const batch = await posted(chain, one)
      batches.push({ ...batch, demands: await readDemands(chain, batch) })
    }
    if (flags.json) {
      return printJson({
        batches: batches.map(({ header, finalAtMs, demands }) => ({
          number: header.number,
          receipts: header.receiptCount,
          finalAtMs,
          demands,
        })),
      })
    }
    if (batches.length === 0) return say('Every batch that was posted is final.')
    const rows = batches.flatMap(({ header, finalAtMs, demands }) => {
      const about = [`${header.number}`, `${header.receiptCount}`, timeOf(finalAtMs)]
      return demands.length === 0
        ? [[...about, 'nothing']]
        : demands.map((one) => [...about, wordsOf(one)])
    })
    print(table(rows, ['batch', 'receipts', 'may be final', 'asked']))
  })
}

function demand(number: number, index: number, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const { header } = await withReceipt(chain, number, index)
    const { bondWei } = await readDemandTerms(chain)
    const written = await demandReceipt(chain, header, index)
    const { asked } = await demandOf(chain, number, index)
    const sentence = `Asked for receipt ${index} of batch ${number}, for ${formatOpen(bondWei)} OPEN. If it is not shown by ${timeOf(asked.untilMs)}: tributary dispute foreclose ${number} ${index}`
    reportWrite(flags, written, sentence, { batch: number, index, bondWei, untilMs: asked.untilMs })
  })
}

function show(
  number: number,
  index: number,
  flags: Writing & { readonly node?: string },
): Promise<void> {
  return writing(flags, async (chain) => {
    const { header } = await withReceipt(chain, number, index)
    const { receipts } = await fetchDocument(
      new Client(nodeUrl(flags.node)),
      BatchDocument,
      header.data,
    )
    const receipt = receipts[index]
    if (!receipt)
      throw new ClientError(
        `The data of batch ${number} holds ${receipts.length} receipts, and none at ${index}.`,
      )
    const proof = merkleProof(receipts.map(receiptLeaf), index)
    const written = await showReceipt(chain, { header, receipt, proof })
    const sentence = `Shown: receipt ${index} of batch ${number}. Half of the bond went to ${chain.account}.`
    reportWrite(flags, written, sentence, { batch: number, index, jobId: receipt.jobId })
  })
}

function foreclose(number: number, index: number, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const { asked, header } = await demandOf(chain, number, index)
    const { untilMs, state, asker } = asked
    if (state !== 'asked') {
      throw new ClientError(`That receipt was ${state} already; the matter is closed.`)
    }
    const written = await forecloseBatch(chain, header, index)
    const sentence = `Receipt ${index} of batch ${number} was not shown by ${timeOf(untilMs)}: the batch is false, and ${asker} has its bond back.`
    reportWrite(flags, written, sentence, { batch: number, index, asker })
  })
}

function withdraw(flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const amountWei = await owedByCases(chain, chain.account)
    const written = await chain.write(withdrawFromJuryCall())
    const sentence = `${formatOpen(amountWei)} OPEN went to ${chain.account}.`
    reportWrite(flags, written, sentence, { account: chain.account, amountWei })
  })
}

async function posted(chain: ChainClient, number: number): Promise<PostedBatch> {
  const batch = await readBatch(chain, number)
  if (batch) return batch
  throw new ClientError(
    `No batch ${number} was posted on chain ${chain.deployment.chainId}. Batches count from 1.`,
  )
}

async function withReceipt(
  chain: ChainClient,
  number: number,
  index: number,
): Promise<PostedBatch> {
  const batch = await posted(chain, number)
  const { receiptCount } = batch.header
  if (index < receiptCount) return batch
  throw new ClientError(
    `Batch ${number} has ${receiptCount} receipts, numbered from 0: there is no ${index}.`,
  )
}

/** The newest demand for that receipt, with the header that it is about: batches that were taken back had the number, too. */
async function demandOf(chain: ChainClient, number: number, index: number) {
  for (let batch = await readBatch(chain, number); batch; ) {
    const demands = await readDemands(chain, batch)
    const asked = demands.find((one) => one.index === index)
    if (asked) return { asked, header: batch.header }
    batch = await readBatch(chain, number, batch.blockNumber - 1n)
  }
  throw new ClientError(
    `Nobody has asked for receipt ${index} of batch ${number}. First: tributary dispute demand ${number} ${index}`,
  )
}

function wordsOf({ index, asker, untilMs, state }: DemandView): string {
  const when = state === 'asked' ? `, to be shown by ${timeOf(untilMs)}` : `, ${state}`
  return `receipt ${index} by ${asker}${when}`
}
