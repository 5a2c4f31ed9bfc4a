/** `tributary datanet bond` and the like: what contributors put down, and who calls a contribution spam. */
import type { Command } from 'commander'
import type { Address } from '../../protocol/fields.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import type { ChainClient } from '../chain/client.ts'
import {
  type DatanetState,
  readDatanet,
  readVersionOf,
  type VersionState,
} from '../chain/datanets.ts'
import { paidWei } from '../chain/holdings.ts'
import {
  bond,
  flagContribution,
  readStanding,
  requestBondExit,
  withdrawBond,
  withdrawFromReviews,
} from '../chain/reviews.ts'
import { account, counted, open, place } from './arguments.ts'
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
import { contributionsIn, placedContribution } from './documents.ts'
import { print, printJson, say, short, table } from './output.ts'

type Reading = ChainFlags & JsonFlag
type Writing = KeyFlags & JsonFlag

interface VersionFlags {
  readonly versionNumber?: number
  readonly node?: string
}

/** Contributions shown at once; more would not be read. */
const SHOWN = 200
const EXCERPT = 60

export function addBondCommands(command: Command): void {
  example(
    versioned(chainCommand(command, 'show', 'what the chain knows of a datanet'))
      .argument('<datanet>', 'its number', counted)
      .option('--contributions', 'list those of the version, through a node')
      .action(show),
    'datanet show 1 --contributions',
  )
  example(
    keyedCommand(command, 'bond', 'put down OPEN as a contributor, lost where your data is spam')
      .argument('<datanet>', 'its number', counted)
      .argument('<amount>', 'OPEN, added to what is there', open)
      .action(runBond),
    'datanet bond 1 0.5 --key contributor.key',
  )
  example(
    keyedCommand(command, 'standing', "a contributor's bond, score, and what it is owed")
      .argument('<datanet>', 'its number', counted)
      .argument('[account]', 'the contributor (default: yourself)', account)
      .action(standing),
    'datanet standing 1 0x52908400098527886e0f7030069857d2e4169ee7',
  )
  example(
    versioned(keyedCommand(command, 'flag', 'call a contribution spam; costs a bond until judged'))
      .argument('<datanet>', 'its number', counted)
      .argument('<index>', 'of the contribution in the version, from 0', place)
      .action(flag),
    'datanet flag 1 7 --version-number 2',
  )
  example(
    keyedCommand(command, 'leave', "ask for your bond back; it stays for a review's time")
      .argument('<datanet>', 'its number', counted)
      .action(leave),
    'datanet leave 1 --key contributor.key',
  )
  example(
    keyedCommand(command, 'withdraw', 'take back your bond, or what reviews have left you')
      .argument('[datanet]', 'whose bond; without it, what reviews have left', counted)
      .action(withdraw),
    'datanet withdraw 1 --key contributor.key',
  )
}

function versioned(command: Command): Command {
  return command
    .option('--version-number <number>', 'version (default: the newest)', counted)
    .option('--node <url>', 'a node that fetches the data [TRIBUTARY_NODE]')
}

function show(
  datanetId: number,
  flags: Reading & VersionFlags & { readonly contributions?: boolean },
): Promise<void> {
  return reading(flags, async (chain) => {
    const datanet = await readDatanet(chain, datanetId)
    const version = datanet.versions === 0 ? undefined : await versionIn(chain, datanetId, flags)
    const listed =
      flags.contributions && version ? await contributionList(version, flags) : undefined
    if (flags.json) {
      return printJson({
        datanetId,
        ...datanet,
        version: version ?? null,
        ...(listed && { contributions: listed }),
      })
    }
    print(table(datanetRows(datanetId, datanet, version)))
    if (listed) print(`\n${listed.slice(0, SHOWN).map(rowOf).join('\n')}`)
    if (listed && listed.length > SHOWN) say(`… and ${listed.length - SHOWN} more: --json`)
  })
}

/** Of names and licences the chain knows no more than their length. */
export function datanetRows(
  datanetId: number,
  { name, operator, licence, versions, minimumBondWei, flagBondWei }: DatanetState,
  version: VersionState | undefined,
): string[][] {
  const rows = [
    ['datanet', `${datanetId}, ${oneLine(name)} (${oneLine(licence)}), ${versions} versions`],
    ['operator', operator],
    [
      'bonds',
      `contributors ${formatOpen(minimumBondWei)} OPEN at least, a flag ${formatOpen(flagBondWei)}`,
    ],
  ]
  if (!version) return rows
  return [
    ...rows,
    ['version', `${version.version}, ${version.contributions} contributions`],
    ['manifest', oneLine(version.manifest)],
    ['root', version.root],
  ]
}

interface Listed {
  readonly index: number
  readonly contributor: Address
  readonly name: string
  readonly licence: string
  readonly excerpt: string
}

async function contributionList(version: VersionState, { node }: VersionFlags): Promise<Listed[]> {
  const listed: Listed[] = []
  for await (const { contributor, name, licence, text } of contributionsIn(
    new Client(nodeUrl(node)),
    version,
  )) {
    listed.push({ index: listed.length, contributor, name, licence, excerpt: oneLine(text) })
  }
  return listed
}

function rowOf({ index, contributor, name, excerpt }: Listed): string {
  return `${`${index}`.padStart(5)}  ${short(contributor)}  ${oneLine(name)}  ${excerpt}`
}

/** Strangers wrote it: one line of what a terminal prints as it is. */
function oneLine(text: string): string {
  const line = text
    .slice(0, 4 * EXCERPT)
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ')
    .trim()
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT - 1)}…` : line
}

/** The version asked for, or the newest. */
async function versionIn(
  chain: ChainClient,
  datanetId: number,
  { versionNumber }: VersionFlags,
): Promise<VersionState> {
  const { versions } = await readDatanet(chain, datanetId)
  const asked = versionNumber ?? versions
  const known =
    asked > 0 && asked <= versions ? await readVersionOf(chain, datanetId, asked) : undefined
  if (known) return known
  throw new ClientError(
    `Datanet ${datanetId} has ${versions} versions, from 1 on: there is no ${asked}.`,
  )
}

function runBond(datanetId: number, amountWei: bigint, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const written = await bond(chain, datanetId, amountWei)
    const { bondWei } = await readStanding(chain, datanetId, chain.account)
    const sentence = `${chain.account} has put down ${formatOpen(bondWei)} OPEN for datanet ${datanetId}.`
    reportWrite(flags, written, sentence, { datanetId, contributor: chain.account, bondWei })
  })
}

function standing(datanetId: number, of: Address | undefined, flags: Writing): Promise<void> {
  const contributor = of ?? ownAccount(flags)
  if (!contributor) throw new ClientError('Whose? Name an account, or a key with --key.')
  return reading(flags, async (chain) => {
    const known = await readStanding(chain, datanetId, contributor)
    if (flags.json) return printJson({ datanetId, contributor, ...known })
    const { bondWei, bonded, scoreBps, owedWei } = known
    print(
      table([
        ['contributor', contributor],
        [
          'bond',
          `${formatOpen(bondWei)} OPEN, ${bonded ? 'enough' : 'not enough, or about to leave'}`,
        ],
        ['score', `${scoreBps / 100} %`],
        [
          'owed by reviews',
          `${formatOpen(owedWei)} OPEN${owedWei > 0n ? ': tributary datanet withdraw' : ''}`,
        ],
      ]),
    )
  })
}

function flag(datanetId: number, index: number, flags: Writing & VersionFlags): Promise<void> {
  return writing(flags, async (chain) => {
    const version = await versionIn(chain, datanetId, flags)
    const placed = await placedContribution(new Client(nodeUrl(flags.node)), version, index)
    const written = await flagContribution(chain, {
      datanetId,
      version: version.version,
      ...placed,
    })
    const { reviewId } = written
    const { name, contributor } = placed.contribution
    const sentence = `Review ${reviewId}: is ${oneLine(name)} by ${contributor} spam? Validators vote: tributary datanet review vote ${reviewId}`
    reportWrite(flags, written, sentence, {
      reviewId,
      datanetId,
      version: version.version,
      index,
      contributor,
    })
  })
}

function leave(datanetId: number, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const written = await requestBondExit(chain, datanetId)
    const sentence = `The bond of ${chain.account} for datanet ${datanetId} leaves when a review's time is over: tributary datanet withdraw ${datanetId}`
    reportWrite(flags, written, sentence, { datanetId, contributor: chain.account })
  })
}

function withdraw(datanetId: number | undefined, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const written = await (datanetId === undefined
      ? withdrawFromReviews(chain)
      : withdrawBond(chain, datanetId))
    const amountWei = paidWei(written)
    const sentence = `${formatOpen(amountWei)} OPEN went to ${chain.account}.`
    reportWrite(flags, written, sentence, { account: chain.account, amountWei })
  })
}
