/** A deployment to a chain that costs money: looked at before, carried out step by step, and looked at again. */
import type { PrivateKeyAccount } from 'viem'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import {
  type Begun,
  begunFolder,
  begunOutbox,
  forgetBegun,
  loadBegun,
  saveBegun,
} from './deploy-begun.ts'
import { faultsOfDeployment } from './deploy-check.ts'
import { type Cost, costOf } from './deploy-cost.ts'
import { type BirthTerms, contractsOf, type Planned, planDeployment } from './deploy-plan.ts'
import { carryOut, type DeployStep } from './deploy-steps.ts'
import { type Deployment, loadDeployment, saveDeployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { Block, hexBytes, quantity, smallQuantity } from './quantities.ts'
import { Rpc } from './rpc.ts'

export interface LiveTarget {
  readonly rpc: Rpc
  readonly chainId: number
  /** The deployment file to be. */
  readonly file: string
  readonly account: PrivateKeyAccount
}

/** What there is to do, and what it will cost. */
export interface Outlook {
  readonly begun: Begun
  /** True where an earlier run wrote the plan. */
  readonly isResumed: boolean
  /** Contracts that are not on the chain yet. */
  readonly missing: readonly Planned[]
  readonly cost: Cost
  readonly balanceWei: bigint
}

/**
 * Number of the chain behind these addresses. Throws `wrong-chain` where two of them differ or it is not `expected`;
 * addresses that do not answer are told of by `onSilent`, and it throws where none does.
 */
export async function chainBehind(
  urls: readonly string[],
  expected: number | undefined,
  onSilent: (error: ChainError) => void,
  signal?: AbortSignal,
): Promise<number> {
  const answers = await Promise.all(urls.map((url) => chainAt(url, signal)))
  const silent = answers.filter((answer) => answer instanceof ChainError)
  const told = answers.flatMap((answer, i) =>
    answer instanceof ChainError ? [] : [{ url: urls[i]!, chainId: answer }],
  )
  const [first] = told
  if (!first) throw silent[0] ?? new TypeError('a deployment needs an address')
  for (const error of silent) onSilent(error)
  const other = told.find(({ chainId }) => chainId !== (expected ?? first.chainId))
  if (!other) return first.chainId
  const should =
    expected === undefined ? `${first.url} is chain ${first.chainId}` : `you want chain ${expected}`
  throw new ChainError(
    'wrong-chain',
    `${other.url} is chain ${other.chainId}, and ${should}; name addresses of one chain`,
  )
}

async function chainAt(url: string, signal?: AbortSignal): Promise<number | ChainError> {
  using rpc = new Rpc(url)
  try {
    return await rpc.request(smallQuantity, 'eth_chainId', [], signal)
  } catch (error) {
    if (error instanceof ChainError && error.code !== 'aborted') return error
    throw error
  }
}

/**
 * The plan that was begun for this file, or a new one by these terms; nothing is written or sent. Throws
 * `bad-deployment` where there is a deployment in the file already and `replace` is not set, or where what was begun is
 * another chain's or account's.
 */
export async function lookAhead(
  target: LiveTarget,
  terms: BirthTerms,
  { replace }: { readonly replace: boolean },
  signal?: AbortSignal,
): Promise<Outlook> {
  const { rpc, file, account } = target
  const from = account.address.toLowerCase() as Address
  const genesis = (await rpc.request(Block, 'eth_getBlockByNumber', ['0x0', false], signal)).hash
  const known = await loadBegun(file)
  if (known) requireSame(known, target, from, genesis)
  else if (!replace) await requireNone(file)
  const begun = known ?? (await planAnew(target, terms, from, genesis, signal))
  const missing = await missingOf(rpc, contractsOf(begun), signal)
  const [cost, balanceWei] = await Promise.all([
    costOf(rpc, missing, signal),
    rpc.request(quantity, 'eth_getBalance', [from, 'latest'], signal),
  ])
  return { begun, isResumed: known !== undefined, missing, cost, balanceWei }
}

/**
 * Carries the plan out, checks what came of it, and writes the deployment's file. Throws `ChainError`; the same call then
 * goes on where it ended. Whatever is found wrong at the end is thrown as `bad-deployment`, and no file is written.
 */
export async function deployLive(
  { rpc, file, account }: LiveTarget,
  begun: Begun,
  onStep: (step: DeployStep) => void,
  signal?: AbortSignal,
): Promise<Deployment> {
  await saveBegun(file, begun)
  await carryOut({ rpc, account, store: begunOutbox(file), plan: begun, onStep }, signal)
  const { deployment, governance } = begun
  const faults = await faultsOfDeployment(rpc, deployment, governance, signal)
  if (faults.length > 0) {
    const advice = `run this again if the address asked was behind; else move ${begunFolder(file)} away and begin anew`
    throw new ChainError(
      'bad-deployment',
      `what was deployed is not right: ${faults.join(' ')} So ${advice}`,
    )
  }
  await saveDeployment(file, deployment)
  await forgetBegun(file)
  return deployment
}

function requireSame(begun: Begun, target: LiveTarget, from: Address, genesis: Hash): void {
  const folder = begunFolder(target.file)
  const { chainId } = begun.deployment
  const refuse = (what: string): never => {
    throw new ChainError(
      'bad-deployment',
      `${folder} holds a deployment that was begun ${what}; go on there, or move the folder away to begin anew`,
    )
  }
  if (chainId !== target.chainId) refuse(`on chain ${chainId}, and this is chain ${target.chainId}`)
  if (begun.genesis !== genesis)
    refuse(`on another chain with the number ${chainId}, whose block 0 is ${begun.genesis}`)
  if (begun.from !== from) refuse(`by ${begun.from}, and this key is that of ${from}`)
}

async function requireNone(file: string): Promise<void> {
  const held = await loadDeployment(file)
  if (!held) return
  throw new ChainError(
    'bad-deployment',
    `${file} has a deployment on chain ${held.chainId} already; name another file with --deployment, or say --force to replace it`,
  )
}

async function planAnew(
  { rpc, chainId }: LiveTarget,
  terms: BirthTerms,
  from: Address,
  genesis: Hash,
  signal?: AbortSignal,
): Promise<Begun> {
  const fromBlock = await rpc.request(smallQuantity, 'eth_blockNumber', [], signal)
  const nonceAt = (tag: string) =>
    rpc.request(smallQuantity, 'eth_getTransactionCount', [from, tag], signal)
  const [firstNonce, pending] = [await nonceAt('latest'), await nonceAt('pending')]
  if (pending > firstNonce) {
    throw new ChainError(
      'nonce-taken',
      `${from} has ${pending - firstNonce} transactions under way; wait until they are mined, or use a key that nothing else uses`,
    )
  }
  return { genesis, ...planDeployment(terms, { chainId, fromBlock, from, firstNonce }) }
}

async function missingOf(rpc: Rpc, contracts: readonly Planned[], signal?: AbortSignal) {
  const codes = await Promise.all(
    contracts.map(({ address }) =>
      rpc.request(hexBytes, 'eth_getCode', [address, 'latest'], signal),
    ),
  )
  return contracts.filter((_, index) => codes[index] === '0x')
}
