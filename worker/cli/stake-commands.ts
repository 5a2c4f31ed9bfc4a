/** `tributary stake`, `escrow` and `payout`: what the network holds of somebody's, and the ways back. */
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { z } from 'zod'
import { type Address, address, bytes32 } from '../../protocol/fields.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { collectEarnings, paidWei, readEscrow } from '../chain/holdings.ts'
import { keyFile, readKey } from '../storage/keys.ts'
import { account, open, openOrNothing } from './arguments.ts'
import { chainCommand, example, keyedCommand, reportWrite } from './chain-command.ts'
import {
  type ChainFlags,
  type JsonFlag,
  type KeyFlags,
  ownAccount,
  reading,
  writing,
} from './chain-here.ts'
import { Client, ClientError, nodeUrl } from './client.ts'
import { timeOf } from './durations.ts'
import { print, printJson, table } from './output.ts'

type Reading = ChainFlags & JsonFlag
type Writing = KeyFlags & JsonFlag

const NODE_FOLDER = '.tributary/node'
const NODE = `account of the node (default: that of ${NODE_FOLDER})`
const OWNER = `--key ${NODE_FOLDER}/owner.key`

export function stakeCommand(): Command {
  const command = new Command('stake').description("a node's stake: add to it, or take it back")
  example(
    chainCommand(command, 'status', 'stake, roles and owner of a node')
      .argument('[node]', NODE, account)
      .action(stakeStatus),
    'stake status',
  )
  example(
    keyedCommand(command, 'add', 'add to the stake of a node')
      .argument('<amount>', 'OPEN', open)
      .argument('[node]', NODE, account)
      .action(addStake),
    `stake add 5 ${OWNER}`,
  )
  example(
    keyedCommand(command, 'collect', 'take what the stake has earned')
      .argument('[node]', NODE, account)
      .action(collect),
    `stake collect ${OWNER}`,
  )
  example(
    keyedCommand(command, 'exit', 'take a node out of service; its stake is free after a delay')
      .argument('[node]', NODE, account)
      .action(exitStake),
    `stake exit ${OWNER}`,
  )
  example(
    keyedCommand(command, 'withdraw', 'take the stake back, when the delay is over')
      .argument('[node]', NODE, account)
      .action(withdrawStake),
    `stake withdraw ${OWNER}`,
  )
  return command
}

export function escrowCommand(): Command {
  const command = new Command('escrow').description('money that a gateway has put aside for jobs')
  example(
    chainCommand(command, 'status', "a payer's escrow")
      .argument('[payer]', NODE, account)
      .action(escrowStatus),
    'escrow status',
  )
  example(
    keyedCommand(command, 'exit', 'ask for part of it back; until it leaves it still pays')
      .argument('<amount>', 'OPEN in all; 0 takes the request back', openOrNothing)
      .action(exitEscrow),
    `escrow exit 5 --key ${NODE_FOLDER}/node.key`,
  )
  example(
    keyedCommand(
      command,
      'withdraw',
      'take back what was asked for, when the delay is over',
    ).action(withdrawEscrow),
    `escrow withdraw --key ${NODE_FOLDER}/node.key`,
  )
  return command
}

export function payoutCommand(): Command {
  const command = new Command('payout').description('what an account has earned by work or data')
  example(
    keyedCommand(
      command,
      'claim',
      'have it paid; whoever sends this, the money goes to the account',
    )
      .argument('[account]', 'who has earned it (default: yourself)', account)
      .option('--node <url>', 'a node that knows the payouts [TRIBUTARY_NODE]')
      .action(claim),
    'payout claim 0x52908400098527886e0f7030069857d2e4169ee7',
  )
  return command
}

function stakeStatus(given: Address | undefined, flags: Reading): Promise<void> {
  const node = given ?? nodeAccount()
  return reading(flags, async (chain) => {
    const member = await chain.member(node)
    const { owner, roles, stakeWei, exitAtMs } = member
    if (BigInt(owner) === 0n)
      throw new ClientError(`Nobody has staked for ${node}: tributary start --stake.`)
    if (flags.json) return printJson({ node, ...member })
    const leaving = exitAtMs > 0 ? `, free from ${timeOf(exitAtMs)}` : ''
    print(
      table([
        ['node', node],
        ['owner', owner],
        ['roles', roles.join(', ')],
        ['stake', `${formatOpen(stakeWei)} OPEN${leaving}`],
      ]),
    )
  })
}

function addStake(amountWei: bigint, given: Address | undefined, flags: Writing): Promise<void> {
  const node = given ?? nodeAccount()
  return writing(flags, async (chain) => {
    const written = await chain.topUpStake(node, amountWei)
    const { stakeWei } = await chain.member(node)
    const sentence = `${formatOpen(stakeWei)} OPEN stand behind ${node}.`
    reportWrite(flags, written, sentence, { node, stakeWei })
  })
}

function collect(given: Address | undefined, flags: Writing): Promise<void> {
  const node = given ?? nodeAccount()
  return writing(flags, async (chain) => {
    const written = await collectEarnings(chain, node)
    const amountWei = paidWei(written)
    const sentence =
      amountWei > 0n
        ? `${formatOpen(amountWei)} OPEN, which the stake of ${node} has earned, went to ${chain.account}.`
        : `The stake of ${node} has earned nothing since it was last asked.`
    reportWrite(flags, written, sentence, { node, amountWei })
  })
}

function exitStake(given: Address | undefined, flags: Writing): Promise<void> {
  const node = given ?? nodeAccount()
  return writing(flags, async (chain) => {
    const written = await chain.requestExit(node)
    const { exitAtMs } = await chain.member(node)
    const sentence = `${node} gets no more work. Its stake is free from ${timeOf(exitAtMs)} on: tributary stake withdraw`
    reportWrite(flags, written, sentence, { node, exitAtMs })
  })
}

function withdrawStake(given: Address | undefined, flags: Writing): Promise<void> {
  const node = given ?? nodeAccount()
  return writing(flags, async (chain) => {
    const written = await chain.withdrawStake(node)
    const amountWei = paidWei(written)
    const sentence = `${formatOpen(amountWei)} OPEN, the stake and what it has earned, went to ${chain.account}.`
    reportWrite(flags, written, sentence, { node, amountWei })
  })
}

function escrowStatus(given: Address | undefined, flags: Reading): Promise<void> {
  const payer = given ?? nodeAccount()
  return reading(flags, async (chain) => {
    const escrow = await readEscrow(chain, payer)
    if (flags.json) return printJson({ payer, ...escrow })
    const { balanceWei, leavingWei, exitAtMs, redeemedWei } = escrow
    const leaving =
      leavingWei > 0n ? `${formatOpen(leavingWei)} OPEN from ${timeOf(exitAtMs)} on` : 'nothing'
    print(
      table([
        ['payer', payer],
        ['escrow', `${formatOpen(balanceWei)} OPEN`],
        ['leaves', leaving],
        ['paid so far', `${formatOpen(redeemedWei)} OPEN`],
      ]),
    )
  })
}

function exitEscrow(amountWei: bigint, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const written = await chain.requestEscrowExit(amountWei)
    const { leavingWei, exitAtMs } = await readEscrow(chain, chain.account)
    const sentence =
      leavingWei > 0n
        ? `${formatOpen(leavingWei)} OPEN may leave from ${timeOf(exitAtMs)} on, as far as jobs have not used it: tributary escrow withdraw`
        : 'The request is taken back.'
    reportWrite(flags, written, sentence, { payer: chain.account, leavingWei, exitAtMs })
  })
}

function withdrawEscrow(flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const written = await chain.withdrawEscrow()
    const amountWei = paidWei(written)
    const sentence = `${formatOpen(amountWei)} OPEN went to ${chain.account}.`
    reportWrite(flags, written, sentence, { payer: chain.account, amountWei })
  })
}

/** As a node tells it; the contract checks the way up to the root. */
const PayoutWay = z.object({
  cumulativeWei: z
    .string()
    .regex(/^\d{1,29}$/)
    .transform(BigInt),
  path: z
    .string()
    .regex(/^\d{1,78}$/)
    .transform(BigInt),
  siblings: z.array(bytes32).max(64),
})

function claim(
  given: Address | undefined,
  flags: Writing & { readonly node?: string },
): Promise<void> {
  const earner = given ?? ownAccount(flags)
  if (!earner) throw new ClientError('Whose? Name an account, or a key with --key.')
  return writing(flags, async (chain) => {
    const node = new Client(nodeUrl(flags.node))
    const told = PayoutWay.safeParse(await node.get(`/payouts/${earner}`))
    if (!told.success)
      throw new ClientError(
        `${node.url} told of no payout that can be claimed. Ask another: --node.`,
      )
    const { cumulativeWei, ...way } = told.data
    const written = await chain.claimPayout({ account: earner, cumulativeWei, way })
    const amountWei = paidWei(written)
    const sentence = `${formatOpen(amountWei)} OPEN went to ${earner}.`
    reportWrite(flags, written, sentence, { account: earner, amountWei })
  })
}

/** That of the node which keeps its key here. */
function nodeAccount(): Address {
  const file = keyFile(NODE_FOLDER, 'node')
  if (existsSync(file)) return address.parse(readKey(file).address)
  throw new ClientError(`No node keeps its key in ${NODE_FOLDER}. Name the account of one.`)
}
