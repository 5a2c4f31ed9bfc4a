/** The `tributary` program. Exit codes: 0 done, 1 failed, 2 wrong use. */
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/load.ts'
import { WorldError } from '../errors.ts'
import { askCommand } from './ask.ts'
import { bridgeCommand } from './bridge.ts'
import { datanetCommand } from './datanet.ts'
import { demoCommand } from './demo.ts'
import { deployCommand } from './deploy.ts'
import { disputeCommand } from './dispute.ts'
import { doctorCommand } from './doctor.ts'
import { finetuneCommand } from './finetune.ts'
import { govCommand } from './gov.ts'
import { keysCommand } from './keys.ts'
import { modelCommand } from './model.ts'
import { orderCommand } from './order.ts'
import { say } from './output.ts'
import { addOwedCommand } from './owed.ts'
import { quantiseCommand } from './quantise.ts'
import { escrowCommand, payoutCommand, stakeCommand } from './stake-commands.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { verifyCommand } from './verify.ts'
import { whyCommand } from './why.ts'

const program = new Command('tributary')
  .description('A network of GPU workers that pays the people whose data shaped each answer.')
  .version('0.1.0')
for (const command of [
  demoCommand(),
  doctorCommand(),
  startCommand(),
  askCommand(),
  finetuneCommand(),
  datanetCommand(),
  modelCommand(),
  orderCommand(),
  statusCommand(),
  stakeCommand(),
  escrowCommand(),
  payoutCommand(),
  disputeCommand(),
  govCommand(),
  bridgeCommand(),
  whyCommand(),
  verifyCommand(),
  quantiseCommand(),
  deployCommand(),
  keysCommand(),
]) {
  program.addCommand(command)
}
addOwedCommand(program)
exitOnMisuse(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeFor(error)
}

/** Commander ends the process itself; here it throws instead, so that misuse has an exit code of its own. */
function exitOnMisuse(command: Command): void {
  command.exitOverride()
  command.showHelpAfterError('(--help shows what there is)')
  for (const child of command.commands) exitOnMisuse(child)
}

function exitCodeFor(error: unknown): number {
  // Commander has said what was wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  // Anything else is our own mistake, and shows where.
  if (error instanceof WorldError) say(error.message)
  else say(error instanceof Error ? `${error.stack}` : `${error}`)
  return error instanceof ConfigError ? 2 : 1
}
