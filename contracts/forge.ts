/** Runs forge from npm over the Solidity tests, and reads what it says of them. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const Suites = z.record(
  z.string(),
  z.object({
    test_results: z.record(
      z.string(),
      z.object({
        status: z.enum(['Success', 'Failure', 'Skipped']),
        reason: z.string().nullable(),
        decoded_logs: z.array(z.string()),
      }),
    ),
  }),
)
type Suites = z.infer<typeof Suites>

/** Long enough for a cold compilation on two busy cores, in ms. */
const PATIENCE_MS = 600_000
/** As JSON forge tells each call of an invariant's last run: some 80 MB in all. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

interface Run {
  /** Results by suite; `undefined` where nothing ran. */
  readonly suites: Suites | undefined
  /** The end of what forge said. */
  readonly said: string
}

/** Runs all tests, or those that `filter` leaves; with `-vv` it has their logs, and is far longer. */
export async function test(...filter: readonly string[]): Promise<Run> {
  const { stdout, stderr } = await forge(['test', '--json', ...filter])
  const json = stdout.slice(stdout.indexOf('{'))
  const suites = json === '' ? undefined : Suites.parse(JSON.parse(json))
  return { suites, said: `${stderr.slice(-4000)}${stdout.slice(-4000)}` }
}

function forge(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const bin = path.join(path.dirname(require.resolve('@foundry-rs/forge/package.json')), 'bin.mjs')
  const options = {
    cwd: root,
    env: { ...process.env, FOUNDRY_CONFIG: 'contracts/foundry.toml' },
    timeout: PATIENCE_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], options, (error, stdout, stderr) => {
      // A failed test is an exit code, too: what was said decides.
      resolve({ stdout, stderr: `${stderr}${error && stderr === '' ? error.message : ''}` })
    })
  })
}
