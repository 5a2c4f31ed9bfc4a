/** `tributary bridge`: between the L2 and the L1 that it stands on. */
import { Command, InvalidArgumentError } from 'commander'
import type { Address, Hex } from 'viem'
import type { Hash } from '../../protocol/hash.ts'
import type { Parcel } from '../chain/bridge.ts'
import { type DepositView, deposit } from '../chain/bridge-deposits.ts'
import { knownWithdrawal, type WithdrawalView } from '../chain/bridge-withdrawal-views.ts'
import { finalise, prove, withdraw } from '../chain/bridge-withdrawals.ts'
import { account, hash, open } from './arguments.ts'
import {
  type BridgeFlags,
  DEFAULT_KEY,
  looking,
  newestWithdrawal,
  type SenderFlags,
  sending,
} from './bridge-here.ts'
import { awaitArrival, nextOf, transfersTable, viewTransfer, whenReady } from './bridge-views.ts'
import { ClientError } from './client.ts'
import { print, printJson, say } from './output.ts'

/** What a call on the other side may take where the caller does not say, beside the price of its data. */
const CALL_GAS = 200_000n
/** The dearest price of a byte, of a portal's least gas for a deposit. */
const BYTE_GAS = 40n

interface ParcelFlags extends SenderFlags {
  readonly to?: Address
  readonly data?: Hex
  readonly gas?: bigint
}

interface WaitFlags extends SenderFlags {
  readonly wait?: boolean
}

export function bridgeCommand(): Command {
  const command = new Command('bridge').description('to and from the L1 that the L2 stands on')
  parcelCommand(command, 'deposit', 'send a message, with value where the chain allows it, to L2')
    .option('--no-wait', 'do not wait until it is on L2')
    .action(runDeposit)
  parcelCommand(
    command,
    'withdraw',
    'send a message, with value where the chain allows it, to L1',
  ).action(runWithdraw)
  stepCommand(command, 'prove', 'prove on L1 that a withdrawal was sent', prove)
  stepCommand(command, 'finalise', 'deliver a withdrawal on L1, when its proof has aged', finalise)
  lookingCommand(command, 'status', 'every transfer, and what comes next')
    .argument('[transaction]', 'one of them, or any withdrawal, by its transaction', hash)
    .option('--json', 'one JSON object on standard output')
    .action(status)
  return command
}

function lookingCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option(
      '--bridge <file>',
      'both chains and their contracts [TRIBUTARY_BRIDGE] (default: bridge.json)',
    )
}

function sendingCommand(parent: Command, name: string, description: string): Command {
  const key = `key of the account on both chains (default: ${DEFAULT_KEY})`
  return lookingCommand(parent, name, description).option('--key <file>', key)
}

function parcelCommand(parent: Command, name: string, description: string): Command {
  return sendingCommand(parent, name, description)
    .argument('[amount]', 'coins, such as 100 or 0.5; nothing for a message alone', open)
    .option('--to <account>', 'who gets it (default: yourself)', account)
    .option('--data <bytes>', 'what it is called with, 0x…', bytes)
    .option('--gas <units>', 'for the call on the other chain', units)
}

function stepCommand(parent: Command, name: string, description: string, act: typeof prove): void {
  sendingCommand(parent, name, description)
    .argument('[transaction]', 'that sent it on L2 (default: the newest from here)', hash)
    .option('--wait', 'wait until it can be done')
    .action(async (asked: Hash | undefined, flags: WaitFlags) => {
      await sending(flags, async (bridge) => {
        const txHash = asked ?? newestWithdrawal(bridge)
        const view = await (flags.wait ? whenReady(bridge, txHash, act) : act(bridge, txHash))
        say(`The withdrawal ${view.txHash} is ${view.state}: ${nextOf(view, asked !== undefined)}`)
        print((name === 'prove' ? view.proveTxHash : view.finaliseTxHash) ?? view.state)
      })
    })
}

function runDeposit(
  valueWei: bigint | undefined,
  flags: ParcelFlags & { readonly wait: boolean },
  command: Command,
): Promise<void> {
  if (valueWei === undefined && flags.data === undefined) return sayNothing(command)
  return sending(flags, async (bridge) => {
    const sent = await deposit(bridge, parcelOf(bridge.account, valueWei, flags))
    print(sent.txHash)
    if (!flags.wait) return say(`On L2 it will be ${sent.l2TxHash}: tributary bridge status`)
    say('It is on L1. To wait no longer: Ctrl-C; it goes on.')
    const { state, l2TxHash } = await awaitArrival(bridge, sent)
    if (state !== 'arrived') {
      throw new ClientError(
        `On L2 its transaction ${l2TxHash} has ${state}; a value that it had is with ${bridge.account} there.`,
      )
    }
    say(`It is on L2: ${l2TxHash}`)
  })
}

function runWithdraw(
  valueWei: bigint | undefined,
  flags: ParcelFlags,
  command: Command,
): Promise<void> {
  if (valueWei === undefined && flags.data === undefined) return sayNothing(command)
  return sending(flags, async (bridge) => {
    const { txHash } = await withdraw(bridge, parcelOf(bridge.account, valueWei, flags))
    print(txHash)
    say('Next, when a dispute game covers it: tributary bridge prove --wait')
  })
}

async function status(txHash: Hash | undefined, flags: BridgeFlags & { readonly json?: boolean }) {
  await looking(flags, async (bridge) => {
    const { transfers } = bridge
    const asked =
      txHash === undefined
        ? transfers.all
        : [transfers.find(txHash) ?? knownWithdrawal(bridge, txHash)]
    const views: (DepositView | WithdrawalView)[] = []
    for (const transfer of asked) views.push(await viewTransfer(bridge, transfer))
    if (flags.json) return printJson({ transfers: views })
    if (views.length === 0) say('Nothing was sent from here yet.')
    else print(transfersTable(views))
  })
}

function sayNothing(command: Command): never {
  return command.error('error: nothing to send: say an amount, --data, or both')
}

function parcelOf(
  self: Address,
  valueWei = 0n,
  { to = self, data = '0x', gas }: ParcelFlags,
): Parcel {
  const byteCount = BigInt(data.length / 2 - 1)
  return { to, valueWei, data, gas: gas ?? CALL_GAS + BYTE_GAS * byteCount }
}

function bytes(text: string): Hex {
  if (/^0x([0-9a-f]{2})*$/i.test(text)) return text as Hex
  throw new InvalidArgumentError('It takes bytes: 0x and two digits for each.')
}

function units(text: string): bigint {
  if (/^[1-9]\d{0,8}$/.test(text)) return BigInt(text)
  throw new InvalidArgumentError('It takes units of gas, such as 200000.')
}
