/**
 * `tributary verify`: checks a receipt file, and asks the chain whether its batch stands there, where one is named. Exit code 0
 * where every check holds, 1 where one does not.
 */
import { readFileSync, statSync } from 'node:fs'
import { styleText } from 'node:util'
import { Command } from 'commander'
import { formatOpen } from '../../protocol/open-amount.ts'
import { Archive, MAX_ARCHIVE_BYTES } from '../receipts/archive.ts'
import { type CheckedReceipt, checkReceipt } from '../receipts/check.ts'
import { checkOnChain } from '../receipts/on-chain.ts'
import { type ChainFlags, type JsonFlag, reading } from './chain-here.ts'
import { ClientError } from './client.ts'
import { print, printJson, say, table } from './output.ts'

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check a receipt file, offline or beside the chain')
    .argument('<receipt>', 'a .car file, from tributary receipt')
    .option('--rpc <url>', 'RPC address of the L2: ask it, too, whether the batch stands there')
    .option('--deployment <file>', 'file that names the contracts; with --rpc')
    .option('--json', 'one JSON object on standard output')
    .action(verify)
}

const NOT_ASKED =
  'The file alone cannot show that its batch stands on the chain: anybody can sign for validators of their own. Ask with --rpc and --deployment.'

async function verify(path: string, flags: ChainFlags & JsonFlag): Promise<void> {
  const { file, checks: offline } = await checkReceipt(await Archive.open(readReceipt(path)))
  const isAsked = flags.rpc !== undefined || flags.deployment !== undefined
  const online = isAsked ? [await reading(flags, (chain) => checkOnChain(chain, file))] : []
  const checks = [...offline, ...online]
  const ok = checks.every((check) => check.ok)
  if (flags.json) printJson({ ok, onChain: isAsked, receipt: file.receipt, checks })
  else print(describe({ file, checks }))
  if (!isAsked) say(NOT_ASKED)
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
