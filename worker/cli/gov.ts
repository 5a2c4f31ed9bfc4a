/** `tributary gov`: the parameters that votes may move, and the votes. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Address } from '../../protocol/fields.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { PARAMETERS, type ParameterName } from '../../protocol/parameters.ts'
import type { Written } from '../chain/client.ts'
import { BALLOTS, type Ballot, type Change } from '../chain/governance-calls.ts'
import type { ProposalState, ProposalView } from '../chain/governance-views.ts'
import { account, open } from './arguments.ts'
import { type ChainFlags, type JsonFlag, ownAccount } from './chain-here.ts'
import { ClientError } from './client.ts'
import { type GovernanceHere, reading, type VoterFlags, writing } from './gov-chain.ts'
import { collectChange, knownParameter, proposalLike, requireAcceptable } from './gov-changes.ts'
import { nextOf, parametersTable, parameterTable, proposalsTable, voterTable } from './gov-views.ts'
import { print, printJson, say } from './output.ts'

export function govCommand(): Command {
  const command = new Command('gov').description('see and change what governance may move')
  readingCommand(command, 'params', 'every parameter: its value, what is announced, its bounds')
    .argument('[name]', 'one parameter, with what it is for', knownParameter)
    .action(params)
  readingCommand(command, 'status', 'your votes, and the newest proposals')
    .addOption(keyOption())
    .action(status)
  writingCommand(command, 'deposit', 'wrap OPEN as GOPEN, which votes')
    .argument('<amount>', 'OPEN, such as 100 or 0.5', open)
    .action(deposit)
  writingCommand(command, 'withdraw', 'unwrap GOPEN')
    .argument('<amount>', 'GOPEN, such as 100 or 0.5', open)
    .action(withdraw)
  writingCommand(command, 'delegate', 'let an account vote with your GOPEN')
    .argument('[account]', 'who votes (default: yourself)', account)
    .action(delegate)
  writingCommand(command, 'propose', 'propose other values; they must be voted for')
    .requiredOption(
      '--set <name=value>',
      'the value to be; may be said several times',
      collectChange,
    )
    .requiredOption('--because <text>', 'why, for those who vote')
    .action(propose)
  writingCommand(command, 'vote', 'vote on a proposal')
    .argument('<proposal>', 'its number, or how it begins', number)
    .addOption(new Option('--for', 'to be done').conflicts(['against', 'abstain']))
    .addOption(new Option('--against', 'not to be done').conflicts(['for', 'abstain']))
    .addOption(new Option('--abstain', 'only to help to a quorum').conflicts(['for', 'against']))
    .action(vote)
  writingCommand(command, 'queue', 'hand a proposal that was voted for to the timelock')
    .argument('<proposal>', 'its number, or how it begins', number)
    .action(queue)
  writingCommand(command, 'execute', 'do what was voted for, when the timelock allows')
    .argument('<proposal>', 'its number, or how it begins', number)
    .action(execute)
  return command
}

function chainCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--rpc <url>', 'RPC address of the L2 [TRIBUTARY_RPC]')
    .option('--deployment <file>', 'file that names the contracts [TRIBUTARY_DEPLOYMENT]')
}

function readingCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).option(
    '--json',
    'one JSON object on standard output',
  )
}

function writingCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description).addOption(keyOption())
}

function keyOption(): Option {
  return new Option('--key <file>', 'key of the account (default: .tributary/voter/voter.key)')
}

function params(name: ParameterName | undefined, flags: ChainFlags & JsonFlag): Promise<void> {
  return reading(flags, async ({ governance, client }) => {
    const { epochSeconds } = client.deployment
    const epoch = await governance.epoch()
    const all = await governance.parameters(epoch)
    const views = all.filter(({ param }) => name === undefined || param === name)
    if (flags.json) {
      const parameters = views.map((view) => ({ ...PARAMETERS[view.param], ...view }))
      return printJson({ epoch, epochSeconds, parameters })
    }
    const clock = { epochSeconds, nowMs: await governance.nowMs() }
    if (name === undefined) print(parametersTable(views, clock))
    else print(parameterTable(views[0]!, clock))
  })
}

function status(flags: VoterFlags & JsonFlag): Promise<void> {
  return reading(flags, async ({ governance }) => {
    const account = ownAccount(flags)
    const voter = account && (await governance.voter(account))
    const ids = await governance.ids()
    const proposals = await Promise.all(ids.map((id) => governance.proposal(id)))
    if (flags.json) return printJson({ voter: voter ?? null, proposals })
    if (voter) print(`${voterTable(voter)}\n`)
    else say('You have no voting key yet: tributary gov deposit makes one.')
    if (proposals.length === 0) say('Nothing was proposed yet.')
    else print(proposalsTable(proposals, await governance.nowMs()))
  })
}

function deposit(wei: bigint, flags: VoterFlags): Promise<void> {
  return writing(flags, async ({ governance, client }) => {
    done(await governance.deposit(wei))
    const voter = await governance.voter(client.account)
    say(`${client.account} has ${formatOpen(voter.gOpenWei)} GOPEN.`)
    if (BigInt(voter.delegate) === 0n) say('To vote with it: tributary gov delegate')
  })
}

function withdraw(wei: bigint, flags: VoterFlags): Promise<void> {
  return writing(flags, async ({ governance, client }) => {
    const { gOpenWei } = await governance.voter(client.account)
    if (wei > gOpenWei) {
      throw new ClientError(`${client.account} has ${formatOpen(gOpenWei)} GOPEN, and no more.`)
    }
    done(await governance.withdraw(wei))
  })
}

function delegate(to: Address | undefined, flags: VoterFlags): Promise<void> {
  return writing(flags, async ({ governance, client }) => {
    done(await governance.delegate(to ?? client.account))
    const { votesWei } = await governance.voter(to ?? client.account)
    say(`${to ?? client.account} has ${formatOpen(votesWei)} votes, on proposals from now on.`)
  })
}

function propose(
  flags: VoterFlags & { readonly set: readonly Change[]; readonly because: string },
): Promise<void> {
  return writing(flags, async ({ governance, client }) => {
    requireAcceptable(await governance.parameters(await governance.epoch()), flags.set)
    const { votesWei } = await governance.voter(client.account)
    const thresholdWei = await governance.thresholdWei()
    if (votesWei < thresholdWei) {
      throw new ClientError(
        `To propose takes ${formatOpen(thresholdWei)} votes, and ${client.account} has ${formatOpen(votesWei)}. First: tributary gov deposit, then tributary gov delegate.`,
      )
    }
    const { id, txHash } = await governance.propose(flags.set, flags.because)
    const view = await governance.proposal(id)
    say(`proposed in transaction ${txHash}; ${nextOf(view, await governance.nowMs())}`)
    print(`${id}`)
  })
}

function vote(
  like: string,
  flags: VoterFlags & Partial<Record<Ballot, boolean>>,
  command: Command,
): Promise<void> {
  const ballot = BALLOTS.find((word) => flags[word])
  if (!ballot) return command.error('error: say one of --for, --against and --abstain')
  return writing(flags, async (here) => {
    const view = await proposalIn(here, like, 'active', 'voted on')
    const weightWei = await here.governance.weightWei(view, here.client.account)
    if (weightWei === 0n) {
      throw new ClientError(
        `${here.client.account} had no votes when this vote began. Deposit and delegate before the next one begins.`,
      )
    }
    if (await here.governance.hasVoted(view.id, here.client.account)) {
      throw new ClientError(`${here.client.account} has voted on this already, and a vote stands.`)
    }
    done(await here.governance.vote(view.id, ballot))
    say(`${formatOpen(weightWei)} votes: ${ballot}`)
  })
}

function queue(like: string, flags: VoterFlags): Promise<void> {
  return writing(flags, async (here) => {
    const { id } = await proposalIn(here, like, 'succeeded', 'queued')
    done(await here.governance.queue(id))
    say(nextOf(await here.governance.proposal(id), await here.governance.nowMs()))
  })
}

function execute(like: string, flags: VoterFlags): Promise<void> {
  return writing(flags, async (here) => {
    const { id } = await proposalIn(here, like, 'queued', 'executed')
    done(await here.governance.execute(id))
    say('It counts from the epoch after the next: tributary gov params')
  })
}

/** The proposal that begins like this, in the state that it must be in. */
async function proposalIn(
  { governance }: GovernanceHere,
  like: string,
  state: ProposalState,
  deed: string,
): Promise<ProposalView> {
  const view = await governance.proposal(proposalLike(await governance.ids(), like))
  const next = nextOf(view, await governance.nowMs())
  if (view.state !== state) {
    const hint = next === '' ? '' : ` (${next})`
    throw new ClientError(`This proposal is ${view.state}${hint}: it cannot be ${deed} now.`)
  }
  if (state === 'queued' && next !== 'execute it') {
    throw new ClientError(`The timelock still holds this proposal: ${next}.`)
  }
  return view
}

function done({ txHash }: Written): void {
  print(txHash)
}

function number(text: string): string {
  if (/^\d{1,78}$/.test(text)) return text
  throw new InvalidArgumentError('It takes the number of a proposal, or how it begins.')
}
