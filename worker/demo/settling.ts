/** Chapter: the batch becomes final, everyone is paid, one contributor claims, and a receipt is checked offline. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Address } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { formatOpen, OPEN_WEI } from '../../protocol/open-amount.ts'
import { connectChain } from '../chain/client.ts'
import { short } from '../cli/output.ts'
import { describe } from '../cli/verify.ts'
import { Archive } from '../receipts/archive.ts'
import { checkReceipt } from '../receipts/check.ts'
import type { Asked } from './asking.ts'
import { accountFor, type Cast } from './cast.ts'
import { DemoError } from './errors.ts'
import type { AnswerResult, DemoResult } from './result.ts'
import { dim, good, type Story, strong } from './story.ts'
import { named } from './tuning.ts'
import type { Watching } from './watching.ts'

export interface SettlingOptions {
  readonly story: Story
  readonly cast: Cast
  readonly watching: Watching
  readonly folder: string
  readonly seed: Uint8Array
  /** Contributors by account. */
  readonly names: ReadonlyMap<string, string>
  readonly signal: AbortSignal
}

/** Waits until the batches of these answers are final, and keeps their receipts. */
export async function finish(
  options: SettlingOptions,
  asked: readonly Asked[],
): Promise<AnswerResult[]> {
  const answers: AnswerResult[] = []
  for (const answer of asked) answers.push(await finishOne(options, answer))
  const batches = new Set(
    answers.map(({ batch, txHash }) => `batch ${batch} (transaction ${short(txHash)})`),
  )
  options.story.line(`${[...batches].join(', ')} endorsed, posted and ${good('final')}`)
  return answers
}

async function finishOne(
  { cast, watching, folder, signal }: SettlingOptions,
  answer: Asked,
): Promise<AnswerResult> {
  const view = await watching.job(answer.jobId, ({ state }) => state === 'final', signal)
  const bytes = await watching.client.bytes(`/jobs/${answer.jobId}/receipt`, signal)
  const receipt = join(folder, 'receipts', `${answer.jobId.slice(2, 14)}.car`)
  await mkdir(join(folder, 'receipts'), { recursive: true })
  await writeFile(receipt, bytes)
  const { number, txHash } = view.batch!
  const verdicts = named(cast, view.accepted!.votes)
  return { ...answer, verdicts, batch: number, txHash, receipt: relative('.', receipt) }
}

/** Everyone's cumulative payout, with a name where there is one. */
export async function readPayouts({
  watching,
  cast,
  names,
  signal,
}: SettlingOptions): Promise<DemoResult['payouts']> {
  const payouts = await watching.client.get<{ account: string; cumulativeWei: string }[]>(
    '/payouts',
    signal,
  )
  const { treasury, addresses } = cast.deployment
  const others = new Map<string, string>([
    [treasury, 'treasury'],
    [addresses.stakeVault, 'all who stake'],
  ])
  const nameOf = (account: string): string =>
    cast.actors.find(({ owner }) => owner === account)?.name ??
    names.get(account) ??
    others.get(account) ??
    account
  return payouts.map(({ account, cumulativeWei }) => {
    return { account, name: nameOf(account), wei: cumulativeWei }
  })
}

/** The contributor who earned most claims; its balance is the chain's word for it. */
export async function claimOne(
  { story, cast, watching, folder, seed, names, signal }: SettlingOptions,
  payouts: DemoResult['payouts'],
): Promise<DemoResult['claim']> {
  const [best] = payouts
    .filter(({ account }) => names.has(account))
    .sort((a, b) => (BigInt(a.wei) > BigInt(b.wei) ? -1 : 1))
  if (!best) throw new DemoError('No contributor cleared the noise floor, so nobody can claim.')
  const { privateKey, address } = accountFor(best.name, seed)
  // Anyone may send the claim; here a relayer pays its gas, since a contributor may own nothing else.
  const relayer = accountFor('relayer', seed)
  await cast.fund(relayer.address, OPEN_WEI)
  const chain = await connectChain(
    {
      url: cast.anvil.url,
      deployment: cast.deployment,
      privateKey: relayer.privateKey,
      dataFolder: folder,
    },
    signal,
  )
  try {
    const proof = await watching.client.get<PayoutProof>(`/payouts/${address}`, signal)
    const before = await chain.balanceWei(address, signal)
    const { txHash } = await chain.claimPayout(
      {
        account: address,
        cumulativeWei: BigInt(proof.cumulativeWei),
        way: { path: BigInt(proof.path), siblings: proof.siblings },
      },
      signal,
    )
    const after = await chain.balanceWei(address, signal)
    story.line(
      `${strong(best.name)} claims: balance ${formatOpen(before, 9)} → ${good(`${formatOpen(after, 9)} OPEN`)} ${dim(`(${short(txHash)})`)}`,
    )
    return {
      account: address,
      name: best.name,
      beforeWei: `${before}`,
      afterWei: `${after}`,
      txHash,
    }
  } finally {
    chain.close()
    privateKey.fill(0)
  }
}

interface PayoutProof {
  readonly account: Address
  readonly cumulativeWei: string
  readonly path: string
  readonly siblings: readonly Hash[]
}

/** Runs what `tributary verify` runs, on the receipt just kept. */
export async function verifyOne(
  { story }: SettlingOptions,
  answer: AnswerResult,
): Promise<boolean> {
  const checked = await checkReceipt(await Archive.open(await readFile(answer.receipt)))
  story.line(`${dim('$')} npx tributary verify ${answer.receipt}`)
  for (const line of describe(checked).split('\n')) story.plain(`         ${line}`)
  return checked.checks.every(({ ok }) => ok)
}
