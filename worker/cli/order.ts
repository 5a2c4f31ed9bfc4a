/** `tributary order`: money for a long job, released milestone by milestone. */
import { Command, InvalidArgumentError } from 'commander'
import { type Address, signature as signatureField } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { Milestone, orderIdOf, Takeover } from '../../protocol/milestone.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { recoverAddress } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import type { ChainClient } from '../chain/client.ts'
import { domainOf } from '../chain/deployment.ts'
import { paidWei } from '../chain/holdings.ts'
import {
  type Approval,
  approveMilestone,
  approveTakeover,
  fundOrder,
  type OrderState,
  readOrder,
  refundOrder,
  releaseByRequester,
  releaseMilestone,
  replacePayee,
  withdrawOrders,
} from '../chain/job-escrow.ts'
import { account, hash, open, place } from './arguments.ts'
import { chainCommand, example, keyedCommand, reportWrite } from './chain-command.ts'
import { type ChainFlags, type JsonFlag, type KeyFlags, reading, writing } from './chain-here.ts'
import { ClientError } from './client.ts'
import { duration, timeOf } from './durations.ts'
import { print, printJson, say, table } from './output.ts'

type Writing = KeyFlags & JsonFlag
type Hex = `0x${string}`

interface SignatureFlags {
  readonly signature?: readonly Hex[]
}

interface ApproveFlags extends Writing {
  readonly milestone?: number
  readonly commitment?: Hash
  readonly takeover?: Address
}

const ORDER = 'its id, as order open has printed it'
const VALIDATOR = '--key .tributary/node/node.key'

export function orderCommand(): Command {
  const command = new Command('order').description('pay for a long job by milestones')
  example(
    keyedCommand(command, 'open', 'put money aside for a job')
      .argument('<job>', 'its id', hash)
      .requiredOption('--payee <account>', 'who works', account)
      .requiredOption('--milestone <amount>', 'OPEN for it; say it for each, in order', milestones)
      .requiredOption('--within <time>', 'what is not reached then goes back: 12h, 3d', duration)
      .action(runOpen),
    'order open 0x5f… --payee 0x52… --milestone 2 --milestone 3 --within 3d',
  )
  example(
    chainCommand(command, 'status', 'milestones, money and deadline of an order')
      .argument('<order>', ORDER, hash)
      .action(status),
    'order status 0x5f…',
  )
  example(
    keyedCommand(
      command,
      'approve',
      'sign that a milestone was reached, or who takes over; sends nothing',
    )
      .argument('<order>', ORDER, hash)
      .option('--milestone <index>', 'that it was reached, from 0', place)
      .option('--commitment <hash>', "the worker's commitment to its state there", hash)
      .option('--takeover <account>', 'who is paid for what is left', account)
      .action(approve),
    `order approve 0x5f… --milestone 0 --commitment 0x77… ${VALIDATOR}`,
  )
  example(
    signed(
      keyedCommand(command, 'release', 'release a milestone, as its requester or with signatures'),
    )
      .argument('<order>', ORDER, hash)
      .argument('<index>', 'the milestone, from 0', place)
      .requiredOption('--commitment <hash>', "the worker's commitment to its state there", hash)
      .action(release),
    'order release 0x5f… 0 --commitment 0x77…',
  )
  example(
    signed(keyedCommand(command, 'takeover', 'give what is left to another worker'))
      .argument('<order>', ORDER, hash)
      .argument('<account>', 'who works from now on', account)
      .action(takeover),
    'order takeover 0x5f… 0x52… --signature 0xa1… --signature 0xb2…',
  )
  example(
    keyedCommand(command, 'refund', 'send back what was not reached by the deadline; anybody may')
      .argument('<order>', ORDER, hash)
      .action(refund),
    'order refund 0x5f…',
  )
  example(
    keyedCommand(command, 'withdraw', 'take what orders have paid you or sent back').action(
      withdraw,
    ),
    'order withdraw --key worker.key',
  )
  return command
}

function signed(command: Command): Command {
  return command.option(
    '--signature <bytes>',
    "a validator's or the requester's, from order approve; say it for each",
    signatures,
  )
}

function runOpen(
  jobId: Hash,
  flags: Writing & {
    readonly payee: Address
    readonly milestone: readonly bigint[]
    readonly within: number
  },
): Promise<void> {
  return writing(flags, async (chain) => {
    const orderId = orderIdOf(chain.account, jobId)
    const deadlineMs = Date.now() + flags.within
    const { payee, milestone: amountsWei } = flags
    const written = await fundOrder(chain, { jobId, payee, amountsWei, deadlineMs })
    const order = await readOrder(chain, orderId)
    const sentence = `Order ${orderId}: ${formatOpen(order.leftWei)} OPEN in ${amountsWei.length} milestones for ${payee}, until ${timeOf(order.deadlineMs)}.`
    if (flags.json) return reportWrite(flags, written, sentence, { orderId, ...order })
    say(`${sentence} Sent in transaction ${written.txHash}.`)
    print(orderId)
  })
}

function status(orderId: Hash, flags: ChainFlags & JsonFlag): Promise<void> {
  return reading(flags, async (chain) => {
    const order = await known(chain, orderId)
    if (flags.json) return printJson({ orderId, ...order })
    const { requester, jobId, payee, round, deadlineMs, leftWei } = order
    const steps = order.milestones.map(({ amountWei, released }, index) => [
      `milestone ${index}`,
      `${formatOpen(amountWei)} OPEN${released ? ', released' : ''}`,
    ])
    print(
      table([
        ['order', orderId],
        ['job', jobId],
        ['requester', requester],
        ['payee', round > 0 ? `${payee}, the ${round + 1}. in turn` : payee],
        ['deadline', timeOf(deadlineMs)],
        ...steps,
        ['left', `${formatOpen(leftWei)} OPEN`],
      ]),
    )
  })
}

function approve(orderId: Hash, flags: ApproveFlags, command: Command): Promise<void> {
  const { milestone, commitment, takeover: payee } = flags
  const isMilestone = milestone !== undefined && commitment !== undefined
  if (
    isMilestone === (payee !== undefined) ||
    (!isMilestone && (milestone ?? commitment) !== undefined)
  ) {
    return command.error('error: say --milestone with --commitment, or --takeover')
  }
  return writing(flags, async (chain, { privateKey }) => {
    const { jobId, round } = await known(chain, orderId)
    const { validator: signer, signature } = isMilestone
      ? approveMilestone(chain.deployment, privateKey, { jobId, index: milestone, commitment })
      : approveTakeover(chain.deployment, privateKey, { jobId, round, payee: payee! })
    if (flags.json) return printJson({ orderId, signer, signature })
    say(
      `Signed by ${signer}. Hand it to whoever sends it: tributary order ${isMilestone ? 'release' : 'takeover'} … --signature`,
    )
    print(signature)
  })
}

function release(
  orderId: Hash,
  index: number,
  flags: Writing & SignatureFlags & { readonly commitment: Hash },
): Promise<void> {
  return writing(flags, async (chain) => {
    const { requester, jobId, milestones: steps, payee } = await known(chain, orderId)
    const reached = { index, commitment: flags.commitment }
    const said = digest(Milestone, { jobId, ...reached }, domainOf(chain.deployment, 'jobEscrow'))
    const approvals = approvalsFrom(flags, said)
    const own = approvals.find(({ validator }) => validator === requester)
    const byRequester = own !== undefined || approvals.length === 0
    const written = byRequester
      ? await releaseByRequester(chain, orderId, reached, own?.signature)
      : await releaseMilestone(chain, orderId, reached, approvals)
    const amountWei = steps[index]?.amountWei ?? 0n
    const sentence = `Milestone ${index} is released: ${payee} may withdraw ${formatOpen(amountWei)} OPEN: tributary order withdraw`
    reportWrite(flags, written, sentence, { orderId, index, payee, amountWei })
  })
}

function takeover(orderId: Hash, payee: Address, flags: Writing & SignatureFlags): Promise<void> {
  return writing(flags, async (chain) => {
    const { jobId, round } = await known(chain, orderId)
    const said = digest(Takeover, { jobId, round, payee }, domainOf(chain.deployment, 'jobEscrow'))
    const approvals = approvalsFrom(flags, said)
    if (approvals.length === 0) {
      throw new ClientError(
        `It takes the signatures of two thirds of the validators' stake: tributary order approve ${orderId} --takeover ${payee}, then --signature here for each.`,
      )
    }
    const written = await replacePayee(chain, orderId, payee, approvals)
    const sentence = `${payee} is paid for what is left of order ${orderId}.`
    reportWrite(flags, written, sentence, { orderId, payee, round: round + 1 })
  })
}

function refund(orderId: Hash, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const { requester, leftWei } = await known(chain, orderId)
    const written = await refundOrder(chain, orderId)
    const sentence = `${requester} may withdraw ${formatOpen(leftWei)} OPEN: tributary order withdraw`
    reportWrite(flags, written, sentence, { orderId, requester, amountWei: leftWei })
  })
}

function withdraw(flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    const written = await withdrawOrders(chain)
    const amountWei = paidWei(written)
    const sentence = `${formatOpen(amountWei)} OPEN went to ${chain.account}.`
    reportWrite(flags, written, sentence, { account: chain.account, amountWei })
  })
}

async function known(chain: ChainClient, orderId: Hash): Promise<OrderState> {
  const order = await readOrder(chain, orderId)
  if (BigInt(order.requester) !== 0n) return order
  throw new ClientError(
    `There is no order ${orderId} on chain ${chain.deployment.chainId}. Its id is what tributary order open has printed, not the job's.`,
  )
}

/** Who has signed is seen from the signature; under anything else it would be of nobody that counts. */
function approvalsFrom({ signature: given = [] }: SignatureFlags, said: Hash): Approval[] {
  const bySigner = new Map<Address, Approval>()
  for (const signature of given) {
    const validator = recoverAddress(said, signature)
    if (!validator)
      throw new ClientError(`${signature.slice(0, 18)}… is no signature. Ask for it again.`)
    bySigner.set(validator, { validator, signature })
  }
  return [...bySigner.values()]
}

function milestones(text: string, before: readonly bigint[] = []): readonly bigint[] {
  return [...before, open(text)]
}

function signatures(text: string, before: readonly Hex[] = []): readonly Hex[] {
  const parsed = signatureField.safeParse(text.toLowerCase())
  if (parsed.success) return [...before, parsed.data]
  throw new InvalidArgumentError('It takes a signature: 0x and 130 digits.')
}
