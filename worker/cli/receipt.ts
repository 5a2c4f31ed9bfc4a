/** `tributary receipt`: a settled job's receipt as a file, which `tributary verify` checks anywhere. */
import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import type { JobView } from '../api/views.ts'
import { Client, nodeUrl } from './client.ts'
import { print, say } from './output.ts'

export function receiptCommand(): Command {
  return new Command('receipt')
    .description("keep a settled job's receipt as a file, to verify it anywhere")
    .argument('<job>', 'its id, as `tributary status` shows it or in full, or its first digits')
    .argument('[file]', 'where to write it (default: its first digits, .car)')
    .option('--node <url>', 'any node that has heard of the job [TRIBUTARY_NODE]')
    .addHelpText('after', '\nExample:\n  $ tributary receipt 0x3f2a…91c4 answer.car')
    .action(receipt)
}

async function receipt(
  job: string,
  file: string | undefined,
  { node }: { node?: string },
): Promise<void> {
  const client = new Client(nodeUrl(node))
  const { jobId } = await client.get<JobView>(`/jobs/${encodeURIComponent(job)}`)
  const bytes = await client.bytes(`/jobs/${jobId}/receipt`)
  const path = file ?? `${jobId.slice(2, 14)}.car`
  writeFileSync(path, bytes)
  say(`Check it: tributary verify ${path}`)
  print(path)
}
