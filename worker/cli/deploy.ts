/** `tributary deploy`: our contracts on a chain of its own, or of somebody else's. */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { Command, Option } from 'commander'
import { toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { Address } from '../../protocol/fields.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { begunFolder } from '../chain/deploy-begun.ts'
import { faultsOfDeployment } from '../chain/deploy-check.ts'
import {
  chainBehind,
  deployLive,
  type LiveTarget,
  lookAhead,
  type Outlook,
} from '../chain/deploy-live.ts'
import { type BirthTerms, parametersWith } from '../chain/deploy-plan.ts'
import type { DeployStep } from '../chain/deploy-steps.ts'
import { loadDeployment } from '../chain/deployment.ts'
import type { Change } from '../chain/governance-calls.ts'
import { Rpc } from '../chain/rpc.ts'
import { EMBEDDED_GOVERNANCE, LIVE_GOVERNANCE, LIVE_PARAMETERS } from '../chain/terms.ts'
import { keyFile, loadKey, readKey } from '../storage/keys.ts'
import { lockFolder } from '../storage/lock.ts'
import { account, collected, counted } from './arguments.ts'
import { ClientError } from './client.ts'
import { collectChange } from './gov-changes.ts'
import { print, printJson, say } from './output.ts'

/** Keeps the key of whoever deploys, where none is named. */
const FOLDER = '.tributary/deployer'
const DEFAULT_FILE = 'deployment.json'

interface DeployFlags {
  readonly rpc?: readonly string[]
  readonly deployment?: string
  readonly key?: string
  readonly chainId?: number
  readonly treasury?: Address
  readonly terms?: 'live' | 'trial'
  readonly set?: readonly Change[]
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly check?: boolean
  readonly json?: boolean
}

export function deployCommand(): Command {
  return new Command('deploy')
    .description('put the contracts on a chain, and write the file that every node reads')
    .option(
      '--rpc <url>',
      'RPC address of the chain; may be said several times, the preferred first [TRIBUTARY_RPC]',
      collected,
    )
    .option(
      '--deployment <file>',
      `file to write (default: ${DEFAULT_FILE}) [TRIBUTARY_DEPLOYMENT]`,
    )
    .option(
      '--key <file>',
      `key of the account that pays (default: ${keyFile(FOLDER, 'deployer')})`,
    )
    .option('--chain-id <number>', 'refuse any other chain', counted)
    .option(
      '--treasury <account>',
      "gets what is nobody else's part of a fee (default: the timelock, so that votes decide)",
      account,
    )
    .addOption(
      new Option(
        '--terms <which>',
        'live: waits of days, as strangers need; trial: of seconds, to try it out (default: live)',
      ).choices(['live', 'trial']),
    )
    .option(
      '--set <name=value>',
      'a parameter that shall begin elsewhere; may be said several times',
      collectChange,
    )
    .option('--force', 'replace the deployment that is in the file')
    .option('--dry-run', 'check everything, tell the price, and send nothing')
    .option(
      '--check',
      'send nothing: compare code and wiring of the deployment in the file with ours',
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

const EXAMPLES = `
Examples:
  $ tributary deploy --rpc https://rpc.example --chain-id 4242 --dry-run
  $ tributary deploy --rpc https://rpc.example --rpc https://other.example --key deployer.key
  $ tributary deploy --rpc https://rpc.example --check

Cut off, the same command goes on where it ended. The account has no rights over the contracts afterwards.`

async function run(flags: DeployFlags): Promise<void> {
  const urls = flags.rpc ?? collected(process.env['TRIBUTARY_RPC'] ?? '')
  if (urls.length === 0)
    throw new ClientError('Which chain? Name its RPC address: --rpc https://….')
  const file = flags.deployment ?? process.env['TRIBUTARY_DEPLOYMENT'] ?? DEFAULT_FILE
  const ended = new AbortController()
  const end = (): void => ended.abort()
  process.once('SIGINT', end)
  const { signal } = ended
  const onSilent = ({ message }: Error): void => say(`Going on without one address: ${message}`)
  const chainId = await chainBehind(urls, flags.chainId, onSilent, signal)
  const rpc = new Rpc(urls, { chainId })
  try {
    if (flags.check) await check({ rpc, chainId, file }, flags, signal)
    else await deploy({ rpc, chainId, file, account: payer(flags) }, flags, signal)
  } catch (cause) {
    if (!signal.aborted) throw cause
    throw new ClientError('Called off. The same command goes on where it ended.', { cause })
  } finally {
    process.removeListener('SIGINT', end)
    rpc.close()
  }
}

function payer({ key }: DeployFlags): LiveTarget['account'] {
  const isNew = key === undefined && !existsSync(keyFile(FOLDER, 'deployer'))
  const { privateKey, address } = key ? readKey(key) : loadKey(FOLDER, 'deployer')
  if (isNew)
    say(`Made ${keyFile(FOLDER, 'deployer')}. Its account pays for the contracts: ${address}`)
  return privateKeyToAccount(toHex(privateKey))
}

async function deploy(target: LiveTarget, flags: DeployFlags, signal: AbortSignal): Promise<void> {
  using _lock = flags.dryRun ? undefined : lockBegun(target.file)
  const outlook = await lookAhead(target, termsOf(flags), { replace: flags.force === true }, signal)
  requireNoOther(outlook, flags, target.file)
  tellOutlook(target, outlook)
  requireEnough(target, outlook)
  if (flags.dryRun) return report(flags, target, outlook, { deployed: false })
  let gasUsed = 0n
  const onStep = (step: DeployStep): void => {
    gasUsed += step.gasUsed ?? 0n
    tellStep(step)
  }
  const deployment = await deployLive(target, outlook.begun, onStep, signal)
  say('The code at each address is ours, and each knows the others.')
  report(flags, target, outlook, { deployed: true, gasUsed, deployment })
  if (flags.json) return
  say(`Give it to every node: tributary start --deployment ${target.file} --rpc …`)
  print(target.file)
}

/** Two runs at once would send the same contract twice. */
function lockBegun(file: string): Disposable {
  const folder = begunFolder(file)
  mkdirSync(folder, { recursive: true })
  try {
    const lock = lockFolder(folder)
    return {
      [Symbol.dispose]: () => {
        lock[Symbol.dispose]()
        if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
      },
    }
  } catch (cause) {
    const [what] = (cause as Error).message.split('. ')
    throw new ClientError(`Another run is deploying to ${file}: ${what}.`, { cause })
  }
}

function termsOf({ terms = 'live', set = [], treasury }: DeployFlags): BirthTerms {
  const changes = Object.fromEntries(set.map(({ param, value }) => [param, value]))
  return {
    governance: terms === 'live' ? LIVE_GOVERNANCE : EMBEDDED_GOVERNANCE,
    parameters: parametersWith({ ...(terms === 'live' ? LIVE_PARAMETERS : {}), ...changes }),
    ...(treasury === undefined ? {} : { treasury }),
  }
}

/** What was begun has its terms: others would be another deployment. */
function requireNoOther({ begun, isResumed }: Outlook, flags: DeployFlags, file: string): void {
  if (!isResumed) return
  const { treasury, parameters } = begun.deployment
  const isLive = begun.governance.epochSeconds === LIVE_GOVERNANCE.epochSeconds
  const terms = isLive ? 'live' : 'trial'
  const set = (flags.set ?? []).filter(({ param, value }) => parameters[param] !== value)
  const other = [
    ...(flags.terms !== undefined && flags.terms !== terms ? [`--terms ${terms}`] : []),
    ...(flags.treasury !== undefined && flags.treasury !== treasury
      ? [`treasury ${treasury}`]
      : []),
    ...set.map(({ param }) => `${param}=${parameters[param]}`),
  ]
  if (other.length === 0) return
  throw new ClientError(
    `A deployment to ${file} was begun with ${other.join(', ')}. Leave the other value out to go on, or move ${begunFolder(file)} away to begin anew.`,
  )
}

function tellOutlook(
  { chainId, file }: LiveTarget,
  { begun, isResumed, missing, cost, balanceWei }: Outlook,
): void {
  const { deployment, governance, from } = begun
  const { windowSeconds } = deployment
  say(
    `Chain ${chainId}, by ${from}: ${missing.length} contracts ${isResumed ? 'are left to deploy' : 'to deploy'}, for ${file}.`,
  )
  say(
    `Batches are final after ${windowSeconds} s, epochs have ${governance.epochSeconds} s, votes ${governance.votingPeriodSeconds} s; treasury ${deployment.treasury}.`,
  )
  if (missing.length > 0) {
    say(
      `It takes about ${cost.gas} gas: ${formatOpen(cost.nowWei)} of the chain's coin now, up to ${formatOpen(cost.neededWei)} as prices move. The account has ${formatOpen(balanceWei)}.`,
    )
  }
}

function requireEnough({ chainId }: LiveTarget, { begun, cost, balanceWei }: Outlook): void {
  if (balanceWei >= cost.neededWei) return
  const lacking = formatOpen(cost.neededWei - balanceWei + 10n ** 12n)
  throw new ClientError(
    `${begun.from} has ${formatOpen(balanceWei)} of the chain's coin and may need ${formatOpen(cost.neededWei)}. Send it ${lacking} on chain ${chainId}, and run this again.`,
  )
}

function tellStep({ name, address, place, total, gasUsed }: DeployStep): void {
  const how = gasUsed === undefined ? 'was there already' : `${gasUsed} gas`
  say(`${`${place + 1}`.padStart(2)}/${total}  ${name.padEnd(15)}  ${address}  ${how}`)
}

function report(
  { json }: DeployFlags,
  { chainId, file }: LiveTarget,
  { begun, isResumed, missing, cost, balanceWei }: Outlook,
  outcome: { readonly deployed: boolean; readonly gasUsed?: bigint; readonly deployment?: object },
): void {
  if (!json) return
  const { nowWei, neededWei } = cost
  const estimate = { gas: cost.gas, nowWei, neededWei, balanceWei }
  const plan = { ...begun.deployment, governance: begun.governance }
  const about = {
    chainId,
    file,
    deployer: begun.from,
    isResumed,
    missing: missing.map(({ name }) => name),
    estimate,
  }
  printJson({ ...about, plan, ...outcome })
}

async function check(
  { rpc, chainId, file }: Omit<LiveTarget, 'account'>,
  { json }: DeployFlags,
  signal: AbortSignal,
): Promise<void> {
  const deployment = await loadDeployment(file)
  if (!deployment)
    throw new ClientError(`There is no deployment file ${file}. Name one with --deployment.`)
  if (deployment.chainId !== chainId) {
    throw new ClientError(
      `${file} is of chain ${deployment.chainId}, and ${rpc.url} is chain ${chainId}. Correct one of the two.`,
    )
  }
  const faults = await faultsOfDeployment(rpc, deployment, undefined, signal)
  if (json) printJson({ ok: faults.length === 0, chainId, file, faults })
  else if (faults.length === 0)
    print('The code at each address is ours, and each knows the others.')
  else for (const fault of faults) print(fault)
  if (faults.length > 0) process.exitCode = 1
}
