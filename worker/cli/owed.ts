/** `tributary owed`: all that contracts hold ready for an account, and how to take it. */
import { Command } from 'commander'
import type { Address } from '../../protocol/fields.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { owedByCases, readEscrow } from '../chain/holdings.ts'
import { owedByOrders } from '../chain/job-escrow.ts'
import { owedByReviews } from '../chain/reviews.ts'
import { account } from './arguments.ts'
import { example, withChainOptions, withKeyOption } from './chain-command.ts'
import { type JsonFlag, type KeyFlags, ownAccount, reading } from './chain-here.ts'
import { ClientError } from './client.ts'
import { timeOf } from './durations.ts'
import { print, printJson, say, table } from './output.ts'

export function owedCommand(): Command {
  const command = new Command('owed')
    .description('what contracts hold ready for an account, and how to take it')
    .argument('[account]', 'whose (default: your own)', account)
    .action(owed)
  return example(
    withKeyOption(withChainOptions(command)),
    'owed 0x52908400098527886e0f7030069857d2e4169ee7',
  )
}

function owed(given: Address | undefined, flags: KeyFlags & JsonFlag): Promise<void> {
  const whose = given ?? ownAccount(flags)
  if (!whose) throw new ClientError('Whose? Name an account, or a key with --key.')
  return reading(flags, async (chain) => {
    const [reviewsWei, casesWei, ordersWei, escrow] = await Promise.all([
      owedByReviews(chain, whose),
      owedByCases(chain, whose),
      owedByOrders(chain, whose),
      readEscrow(chain, whose),
    ])
    const { leavingWei, exitAtMs } = escrow
    if (flags.json) {
      const owed = { reviewsWei, casesWei, ordersWei, escrow: { leavingWei, exitAtMs } }
      return printJson({ account: whose, ...owed })
    }
    const rows = [
      ['by reviews', reviewsWei, 'tributary datanet withdraw'],
      ['by cases', casesWei, 'tributary dispute withdraw'],
      ['by orders', ordersWei, 'tributary order withdraw'],
      ['from escrow', leavingWei, `tributary escrow withdraw, from ${timeOf(exitAtMs)} on`],
    ] as const
    const due = rows.filter(([, wei]) => wei > 0n)
    if (due.length > 0)
      print(table(due.map(([by, wei, how]) => [by, `${formatOpen(wei)} OPEN`, how])))
    else say(`Nothing is held ready for ${whose}.`)
    say('Besides: tributary payout claim for work and data, tributary stake collect for a stake.')
  })
}
