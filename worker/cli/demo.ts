/** `tributary demo`: everything on this machine, in a few minutes, with nothing to download. */
import { Command, Option } from 'commander'
import { print, printJson, say } from './output.ts'

interface Flags {
  readonly kill?: 'worker'
  readonly cheat?: boolean
  readonly json?: boolean
  readonly keep?: boolean
  readonly data: string
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('watch the whole river flow on this machine')
    .addOption(
      new Option('--kill <whom>', 'kill the chosen worker in the middle of its job').choices([
        'worker',
      ]),
    )
    .option('--cheat', 'let one worker answer without the adapter, and see it caught')
    .option('--keep', 'leave the network running until Ctrl-C')
    .option('--json', 'one JSON object as the last line of standard output')
    .option(
      '--data <folder>',
      'folder for all that the demo keeps; what an earlier demo left there is deleted',
      '.tributary/demo',
    )
    .action(demo)
}

async function demo(flags: Flags): Promise<void> {
  const { runDemo } = await import('../demo/demo.ts')
  const stop = new AbortController()
  stop.signal.addEventListener('abort', () => say('\nending all processes…'), { once: true })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // A second one changes nothing: all ends within seconds.
    process.on(name, () => stop.abort(new Error('stopped')))
  }
  const options = {
    folder: flags.data,
    killWorker: flags.kill === 'worker',
    cheat: flags.cheat ?? false,
    json: flags.json ?? false,
    keep: flags.keep ?? false,
  }
  try {
    const result = await runDemo(options, stop.signal)
    if (options.json) printJson(result)
    else print('')
    process.exit(result.verified ? 0 : 1)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    process.exit(130)
  }
}
