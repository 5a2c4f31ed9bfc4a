/** `tributary datanet review`: validators judge what was called spam, by votes that are sealed first and opened later. */
import { Command, Option } from 'commander'
import { formatOpen } from '../../protocol/open-amount.ts'
import { reviewSeal } from '../../protocol/review.ts'
import type { ChainClient } from '../chain/client.ts'
import { reviewSalt } from '../chain/review-salt.ts'
import {
  closeReview,
  commitVote,
  type ReviewState,
  readReview,
  readSeal,
  revealVote,
} from '../chain/reviews.ts'
import type { Key } from '../storage/keys.ts'
import { counted } from './arguments.ts'
import { chainCommand, example, keyedCommand, reportWrite } from './chain-command.ts'
import { type ChainFlags, type JsonFlag, type KeyFlags, reading, writing } from './chain-here.ts'
import { ClientError } from './client.ts'
import { timeOf } from './durations.ts'
import { print, printJson, table } from './output.ts'

type Writing = KeyFlags & JsonFlag

const VALIDATOR = '--key .tributary/node/node.key'

export function reviewCommand(): Command {
  const command = new Command('review').description('judge a contribution that was called spam')
  example(
    chainCommand(command, 'status', 'what a review is about, and how far it is')
      .argument('<review>', 'its number', counted)
      .action(status),
    'datanet review status 3',
  )
  example(
    keyedCommand(command, 'vote', 'seal your vote, as a validator')
      .argument('<review>', 'its number', counted)
      .addOption(new Option('--spam', 'it is').conflicts('clean'))
      .addOption(new Option('--clean', 'it is not').conflicts('spam'))
      .action(vote),
    `datanet review vote 3 --spam ${VALIDATOR}`,
  )
  example(
    keyedCommand(command, 'reveal', 'open your sealed vote, in the second half of the review')
      .argument('<review>', 'its number', counted)
      .action(reveal),
    `datanet review reveal 3 ${VALIDATOR}`,
  )
  example(
    keyedCommand(command, 'close', 'have a review judged whose time is over; anybody may')
      .argument('<review>', 'its number', counted)
      .action(close),
    'datanet review close 3',
  )
  return command
}

function status(reviewId: number, flags: ChainFlags & JsonFlag): Promise<void> {
  return reading(flags, async (chain) => {
    const review = await known(chain, reviewId)
    if (flags.json) return printJson({ reviewId, ...review })
    const { datanetId, contributor, flagger, verdict, spamWei, cleanWei } = review
    print(
      table([
        ['review', `${reviewId}, of datanet ${datanetId}: ${verdict}`],
        ['contributor', contributor],
        ['flagged by', flagger],
        ['votes', `to ${timeOf(review.commitUntilMs)}, opened to ${timeOf(review.revealUntilMs)}`],
        [
          'opened',
          `${formatOpen(spamWei)} OPEN of stake for spam, ${formatOpen(cleanWei)} for clean`,
        ],
      ]),
    )
  })
}

function vote(
  reviewId: number,
  flags: Writing & { readonly spam?: boolean; readonly clean?: boolean },
  command: Command,
): Promise<void> {
  const spam = flags.spam === true
  if (!spam && !flags.clean) return command.error('error: say one of --spam and --clean')
  return writing(flags, async (chain, key) => {
    const { commitUntilMs } = await known(chain, reviewId)
    const written = await commitVote(chain, { reviewId, spam, salt: saltOf(chain, key, reviewId) })
    const sentence = `Sealed. It counts when it is opened, from ${timeOf(commitUntilMs)} on: tributary datanet review reveal ${reviewId}`
    reportWrite(flags, written, sentence, { reviewId, validator: chain.account, spam })
  })
}

function reveal(reviewId: number, flags: Writing): Promise<void> {
  return writing(flags, async (chain, key) => {
    const { revealUntilMs } = await known(chain, reviewId)
    const salt = saltOf(chain, key, reviewId)
    const seal = await readSeal(chain, reviewId, chain.account)
    const spam = [true, false].find(
      (word) => reviewSeal(reviewId, chain.account, word, salt) === seal,
    )
    if (spam === undefined) {
      throw new ClientError(
        `No vote of ${chain.account} is sealed in review ${reviewId}, or it was opened already. Name the key that sealed it: --key.`,
      )
    }
    const written = await revealVote(chain, { reviewId, spam, salt })
    const sentence = `Opened: ${spam ? 'spam' : 'clean'}. The review is closed after ${timeOf(revealUntilMs)}: tributary datanet review close ${reviewId}`
    reportWrite(flags, written, sentence, { reviewId, validator: chain.account, spam })
  })
}

function close(reviewId: number, flags: Writing): Promise<void> {
  return writing(flags, async (chain) => {
    await known(chain, reviewId)
    const written = await closeReview(chain, reviewId)
    const { verdict } = await readReview(chain, reviewId)
    const sentence = `Verdict: ${verdict}. What it leaves to each side: tributary owed`
    reportWrite(flags, written, sentence, { reviewId, verdict })
  })
}

async function known(chain: ChainClient, reviewId: number): Promise<ReviewState> {
  const review = await readReview(chain, reviewId)
  if (review.verdict !== 'none') return review
  throw new ClientError(`There is no review ${reviewId}. A flag opens one: tributary datanet flag.`)
}

function saltOf(chain: ChainClient, { privateKey }: Key, reviewId: number) {
  return reviewSalt(chain.deployment, privateKey, reviewId)
}
