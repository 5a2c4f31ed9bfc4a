/** How commands that read or write the chain look: the same options, the same answers. */
import type { Command } from 'commander'
import type { Written } from '../chain/client.ts'
import { DEFAULT_KEY, type JsonFlag } from './chain-here.ts'
import { print, printJson, say } from './output.ts'

export function chainCommand(parent: Command, name: string, description: string): Command {
  return withChainOptions(parent.command(name).description(description))
}

export function keyedCommand(parent: Command, name: string, description: string): Command {
  return withKeyOption(chainCommand(parent, name, description))
}

export function withChainOptions(command: Command): Command {
  return command
    .option('--rpc <url>', 'RPC address of the L2, or several with commas [TRIBUTARY_RPC]')
    .option('--deployment <file>', 'file that names the contracts [TRIBUTARY_DEPLOYMENT]')
    .option('--json', 'one JSON object on standard output')
}

export function withKeyOption(command: Command): Command {
  return command.option('--key <file>', `key of the account (default: ${DEFAULT_KEY})`)
}

/** One way to call it, shown under the help. */
export function example(command: Command, line: string): Command {
  return command.addHelpText('after', `\nExample:\n  $ tributary ${line}`)
}

/** A write that is done: its transaction, or all that is known of it; the sentence is for people. */
export function reportWrite(
  { json }: JsonFlag,
  { txHash, blockNumber, gasUsed }: Written,
  sentence: string,
  more: object = {},
): void {
  if (json) {
    printJson({ ...more, txHash, blockNumber, gasUsed })
    return
  }
  say(sentence)
  print(txHash)
}
