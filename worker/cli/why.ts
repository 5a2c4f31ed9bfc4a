/** `tributary why`: why a node did or did not execute, audit or earn at a job, in words. */
import { Command } from 'commander'
import type { Repeated, Said, Why } from '../api/why.ts'
import { Client, nodeUrl } from './client.ts'
import { print, printJson, short } from './output.ts'

export function whyCommand(): Command {
  return new Command('why')
    .description('why a node did or did not execute, audit or earn at a job')
    .argument('<job>', 'its id, as `tributary status` shows it or in full, or its first digits')
    .option('--node <url>', 'the node that is asked about itself [TRIBUTARY_NODE]')
    .option('--account <address>', 'also why this account was paid as a contributor, or not')
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nExample:\n  $ tributary why 0x3f2a…91c4 --account 0x52908400098527886e0f7030069857d2e4169ee7',
    )
    .action(why)
}

interface Options {
  readonly node?: string
  readonly account?: string
  readonly json?: boolean
}

async function why(job: string, { node, account, json }: Options): Promise<void> {
  const client = new Client(nodeUrl(node))
  const query = account === undefined ? '' : `?account=${encodeURIComponent(account)}`
  const answer = await client.get<Why & { share?: Said; repeated?: Repeated[] }>(
    `/jobs/${encodeURIComponent(job)}/why${query}`,
  )
  if (json) return printJson(answer)
  const when = answer.settled ? ', when it was settled' : ', as things stand'
  print(`node ${short(answer.node)} and job ${short(answer.jobId)}${when}:`)
  for (const { says } of answer.reasons) print(`  ${says}`)
  if (answer.reasons.length === 0) print('  The node has forgotten the facts about this job.')
  if (answer.share) print(`  ${answer.share.says}`)
  for (const { says } of answer.repeated ?? []) print(`  ${says}`)
}
