/** `tributary verify`: checks a receipt file, offline. Exit code 0 where every check holds, 1 where one does not. */
import { readFileSync, statSync } from 'node:fs'
import { styleText } from 'node:util'
import { Command } from 'commander'
import { formatOpen } from '../../protocol/open-amount.ts'
import { Archive, MAX_ARCHIVE_BYTES } from '../receipts/archive.ts'
import { type CheckedReceipt, checkReceipt } from '../receipts/check.ts'
import { ClientError } from './client.ts'
import { print, printJson, table } from './output.ts'

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check a receipt file offline')
    .argument('<receipt>', 'a .car file, from GET /v1/jobs/<id>/receipt')
    .option('--json', 'one JSON object on standard output')
    .action(verify)
}

async function verify(path: string, { json }: { json?: boolean }): Promise<void> {
  const checked = await checkReceipt(await Archive.open(readReceipt(path)))
  const ok = checked.checks.every((check) => check.ok)
  if (json) printJson({ ok, receipt: checked.file.receipt, checks: checked.checks })
  else print(describe(checked))
  if (!ok) process.exitCode = 1
}

export function describe({ file, checks }: CheckedReceipt): string {
  const { receipt, header } = file
  const rows = checks.map(({ ok, what, detail }) => [
    ok ? styleText('green', '✓') : styleText('red', '✗'),
    what,
    styleText('dim', detail),
  ])
  const about = `${receipt.task} ${receipt.jobId}, batch ${header.number}, ${formatOpen(receipt.feeWei)} OPEN`
  return `${about}\n${table(rows)}`
}

function readReceipt(path: string): Uint8Array {
  try {
    if (statSync(path).size <= MAX_ARCHIVE_BYTES) return readFileSync(path)
  } catch (cause) {
    throw new ClientError(`${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
  throw new ClientError(`${path} is larger than any receipt (${MAX_ARCHIVE_BYTES} bytes).`)
}
