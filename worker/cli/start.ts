/** `tributary start`: one node, until Ctrl-C. */
import { Command, Option } from 'commander'
import { loadConfig } from '../config/load.ts'
import { Config, flagOf, OPTION_NAMES, variableOf } from '../config/schema.ts'
import { startNode } from '../node.ts'
import { createLogger } from '../telemetry/logger.ts'
import { say } from './output.ts'

/** How long a clean end may take before the process goes anyway. */
const STOP_WAIT_MS = 10_000

export function startCommand(): Command {
  const command = new Command('start')
    .description('run a node: worker, validator or gateway')
    .option('--config <file>', 'JSON file with options')
    .addOption(new Option('--with-parent', 'end when standard input closes').hideHelp())
  for (const name of OPTION_NAMES) {
    const schema = Config.shape[name]
    const fallback = schema.safeParse(undefined)
    const text = `${schema.description} [${variableOf(name)}]`
    const option = new Option(`--${flagOf(name)} <value>`, text)
    command.addOption(describeDefault(option, fallback.success ? fallback.data : undefined))
  }
  return command.action((flags: Record<string, unknown>) => start(flags))
}

/** Shown in the help only: the default itself is filled in by the schema. */
function describeDefault(option: Option, value: unknown): Option {
  const isNothing = value === undefined || value === ''
  if (isNothing || (Array.isArray(value) && value.length === 0)) return option
  option.description += ` (default: ${Array.isArray(value) ? value.join(',') : value})`
  return option
}

async function start(flags: Record<string, unknown>): Promise<void> {
  const { config: file, withParent, ...options } = flags
  const config = loadConfig({
    flags: options,
    environment: process.env,
    file: file as string | undefined,
  })
  const log = createLogger(config.logLevel)
  const stop = stopSignal(withParent === true)
  const node = await startNode(config, log, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
    // A chain that does not answer may hold its socket for a while.
    say('Ended before the node was up.')
    return process.exit(1)
  })
  say(`${config.roles.join(', ')} ${node.service.key.address} is up: ${node.apiUrl}/v1/status`)
  try {
    await Promise.race([stop.requested, node.failed])
  } finally {
    endSoon()
    await node[Symbol.asyncDispose]()
  }
  // libp2p and ONNX Runtime may hold handles of their own; all that is ours is closed.
  process.exit(0)
}

function endSoon(): void {
  setTimeout(() => process.exit(1), STOP_WAIT_MS).unref()
}

/** Ctrl-C, a kill, or the end of the parent. */
function stopSignal(withParent: boolean): { signal: AbortSignal; requested: Promise<void> } {
  const controller = new AbortController()
  const requested = new Promise<void>((resolve) => {
    const stop = (): void => {
      endSoon()
      controller.abort(new Error('asked to stop'))
      resolve()
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop)
    if (!withParent) return
    process.stdin.resume()
    process.stdin.on('end', stop)
    process.stdin.on('error', stop)
  })
  return { signal: controller.signal, requested }
}
