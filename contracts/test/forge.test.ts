/** Runs the Solidity tests and reports each of them here. They deploy the bytes in `contracts/gen`. */
import { equal, fail } from 'node:assert/strict'
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
      }),
    ),
  }),
)

/** Long enough for a cold compilation on two busy cores, in ms. */
const PATIENCE_MS = 300_000
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)

const run = await forge(['test', '--json'])
const json = run.stdout.slice(run.stdout.indexOf('{'))
const suites = json === '' ? undefined : Suites.parse(JSON.parse(json))

describe('the Solidity tests', () => {
  it('compile and run', () => {
    if (!suites) fail(`forge said: ${run.stderr.slice(-4000)}${run.stdout.slice(-4000)}`)
  })

  for (const [suite, { test_results: results }] of Object.entries(suites ?? {})) {
    describe(suite.split(':')[1] ?? suite, () => {
      for (const [name, { status, reason }] of Object.entries(results)) {
        it(name, () => {
          const again = `FOUNDRY_CONFIG=contracts/foundry.toml forge test --match-test ${name}`
          equal(status, 'Success', `${reason ?? 'it failed'}; again, and in full: ${again}`)
        })
      }
    })
  }
})

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
