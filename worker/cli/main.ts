/** The `tributary` program. Exit codes: 0 done, 1 failed, 2 wrong use. */
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/load.ts'
import { WorldError } from '../errors.ts'
import { say } from './output.ts'

// Small buffers are cut from one of this size, which lives as long as any of them: 64 KiB in Node 24, 8 before.
Buffer.poolSize = 8192

const program = new Command('tributary')
  .description('A network of GPU workers that pays the people whose data shaped each answer.')
  .version('0.1.0')
const add = (command: Command) => program.addCommand(command)
/** In the order of the help. Only what is asked for is loaded: all of it together takes a second or two. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  demo: async () => add((await import('./demo.ts')).demoCommand()),
  doctor: async () => add((await import('./doctor.ts')).doctorCommand()),
  start: async () => add((await import('./start.ts')).startCommand()),
  ask: async () => add((await import('./ask.ts')).askCommand()),
  finetune: async () => add((await import('./finetune.ts')).finetuneCommand()),
  datanet: async () => add((await import('./datanet.ts')).datanetCommand()),
  model: async () => add((await import('./model.ts')).modelCommand()),
  order: async () => add((await import('./order.ts')).orderCommand()),
  status: async () => add((await import('./status.ts')).statusCommand()),
  stake: async () => add((await import('./stake-commands.ts')).stakeCommand()),
  escrow: async () => add((await import('./stake-commands.ts')).escrowCommand()),
  payout: async () => add((await import('./stake-commands.ts')).payoutCommand()),
  dispute: async () => add((await import('./dispute.ts')).disputeCommand()),
  gov: async () => add((await import('./gov.ts')).govCommand()),
  bridge: async () => add((await import('./bridge.ts')).bridgeCommand()),
  why: async () => add((await import('./why.ts')).whyCommand()),
  receipt: async () => add((await import('./receipt.ts')).receiptCommand()),
  verify: async () => add((await import('./verify.ts')).verifyCommand()),
  quantise: async () => add((await import('./quantise.ts')).quantiseCommand()),
  deploy: async () => add((await import('./deploy.ts')).deployCommand()),
  keys: async () => add((await import('./keys.ts')).keysCommand()),
  owed: async () => add((await import('./owed.ts')).owedCommand()),
}
const asked = Object.entries(COMMANDS).filter(([name]) => name === process.argv[2])
const wanted = asked.length > 0 ? asked : Object.entries(COMMANDS)
for (const [, load] of wanted) await load()
exitOnMisuse(program)
process.stdout.on('error', endOfResults)
// Words that nobody can read any more are no reason to end: a node goes on where its log's disk is full.
process.stderr.on('error', () => undefined)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeFor(error)
  // What has failed may have left sockets and timers that nobody closes any more.
  if (!(error instanceof CommanderError)) process.stderr.write('', () => process.exit())
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
  if (error instanceof WorldError || isOfSystem(error)) say(error.message)
  else say(error instanceof Error ? `${error.stack}` : `${error}`)
  return error instanceof ConfigError ? 2 : 1
}

/** A file that is missing, a folder that may not be written: the system's words name it. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

/** Whoever reads the results, such as `head`, has had enough; or they cannot be written. */
function endOfResults(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit()
  say(`The results cannot be written: ${error.message}.`)
  process.exit(1)
}
