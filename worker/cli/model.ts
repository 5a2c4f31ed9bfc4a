/** `tributary model`: an adapter's files, what its owner asks for its use, and to whom it hands the adapter. */
import { Command } from 'commander'
import type { Address, Cid } from '../../protocol/fields.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import type { ChainClient } from '../chain/client.ts'
import {
  acceptModel,
  type ModelState,
  offerModel,
  readModel,
  setModelFee,
} from '../chain/models.ts'
import { account, contentId, openOrNothing } from './arguments.ts'
import { chainCommand, example, keyedCommand, reportWrite } from './chain-command.ts'
import { type ChainFlags, type JsonFlag, type KeyFlags, reading, writing } from './chain-here.ts'
import { Client, ClientError, nodeUrl } from './client.ts'
import { fetchModel } from './model-fetch.ts'
import { print, printJson, say, table } from './output.ts'

type Writing = KeyFlags & JsonFlag

const NOBODY = `0x${'0'.repeat(40)}` as Address
const ADAPTER = 'content id of the adapter'
const OWNER = '--key .tributary/node/owner.key'

export function modelCommand(): Command {
  const command = new Command('model').description('adapters: files, fee and owner')
  example(
    command
      .command('fetch')
      .description('an adapter as PEFT reads it, or a base model, as a folder')
      .argument('<model>', 'its content id', contentId)
      .argument('[folder]', 'where to put it (default: its content id)')
      .option('--node <url>', 'any node [TRIBUTARY_NODE]')
      .action(fetch),
    'model fetch bafy… my-adapter',
  )
  example(
    chainCommand(command, 'status', 'who owns an adapter, and what its use costs')
      .argument('<adapter>', ADAPTER, contentId)
      .action(status),
    'model status bafy…',
  )
  example(
    keyedCommand(command, 'fee', 'ask so much a unit (a token); it counts from the next epoch on')
      .argument('<adapter>', ADAPTER, contentId)
      .argument('<amount>', 'OPEN a unit, 0.01 at the most', openOrNothing)
      .action(fee),
    `model fee bafy… 0.0005 ${OWNER}`,
  )
  example(
    keyedCommand(command, 'transfer', 'offer an adapter to another owner, who must accept')
      .argument('<adapter>', ADAPTER, contentId)
      .argument('[account]', 'the owner to be', account)
      .option('--take-back', 'offer it to nobody any more')
      .action(transfer),
    `model transfer bafy… 0x52908400098527886e0f7030069857d2e4169ee7 ${OWNER}`,
  )
  example(
    keyedCommand(command, 'accept', 'take over an adapter that was offered to you')
      .argument('<adapter>', ADAPTER, contentId)
      .action(accept),
    'model accept bafy… --key heir.key',
  )
  return command
}

async function fetch(
  model: Cid,
  folder: string | undefined,
  { node }: { readonly node?: string },
): Promise<void> {
  const fetched = await fetchModel(new Client(nodeUrl(node)), model, folder)
  if (fetched.base !== undefined) {
    say(`an adapter of ${fetched.base}: tributary model fetch ${fetched.base}`)
  }
  print(fetched.folder)
}

function status(adapter: Cid, flags: ChainFlags & JsonFlag): Promise<void> {
  return reading(flags, async (chain) => {
    const model = await registered(chain, adapter)
    if (flags.json) return printJson({ adapter, ...model, announced: model.announced ?? null })
    const { owner, heir, feeWei, announced, base, jobId, batch, datanetId, datanetVersion } = model
    const coming = announced
      ? `, ${formatOpen(announced.feeWei, 18)} from epoch ${announced.fromEpoch}`
      : ''
    print(
      table([
        ['adapter', adapter],
        ['base', base],
        ['owner', owner],
        ...(heir === NOBODY ? [] : [['offered to', heir]]),
        ['fee', `${formatOpen(feeWei, 18)} OPEN a unit${coming}`],
        ['made by', `job ${jobId}, in batch ${batch}`],
        ...(datanetId === 0 ? [] : [['datanet', `${datanetId}, version ${datanetVersion}`]]),
      ]),
    )
  })
}

function fee(adapter: Cid, feeWei: bigint, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    await requireOwn(chain, adapter)
    const written = await setModelFee(chain, adapter, feeWei)
    const { announced } = await readModel(chain, adapter)
    const when = announced ? `from epoch ${announced.fromEpoch} on` : 'as before'
    const sentence = `A unit costs ${formatOpen(feeWei, 18)} OPEN beside the network's price, ${when}.`
    reportWrite(flags, written, sentence, {
      adapter,
      feeWei,
      fromEpoch: announced?.fromEpoch ?? null,
    })
  })
}

function transfer(
  adapter: Cid,
  heir: Address | undefined,
  flags: Writing & { readonly takeBack?: boolean },
  command: Command,
): Promise<void> {
  if ((heir === undefined) !== (flags.takeBack === true)) {
    return command.error('error: name an account, or say --take-back')
  }
  return writing(flags, async (chain) => {
    await requireOwn(chain, adapter)
    const written = await offerModel(chain, adapter, heir ?? NOBODY)
    const sentence = heir
      ? `Offered. It is yours until ${heir} accepts: tributary model accept ${adapter}`
      : 'The offer is taken back.'
    reportWrite(flags, written, sentence, { adapter, heir: heir ?? null })
  })
}

function accept(adapter: Cid, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    await registered(chain, adapter)
    const written = await acceptModel(chain, adapter)
    const sentence = `${adapter} belongs to ${chain.account}, which is paid for its use from now on.`
    reportWrite(flags, written, sentence, { adapter, owner: chain.account })
  })
}

async function registered(chain: ChainClient, adapter: Cid): Promise<ModelState> {
  const model = await readModel(chain, adapter)
  if (model.owner !== NOBODY) return model
  throw new ClientError(
    `${adapter} is not registered on chain ${chain.deployment.chainId}. It is when its fine-tuning stands in a final batch.`,
  )
}

async function requireOwn(chain: ChainClient, adapter: Cid): Promise<void> {
  const { owner } = await registered(chain, adapter)
  if (owner === chain.account) return
  throw new ClientError(
    `${adapter} belongs to ${owner}, not to ${chain.account}. Name its owner's key: --key.`,
  )
}
