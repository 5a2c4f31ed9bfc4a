/** Which of the runtime's providers work on this machine, and the reason for each that does not. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EngineError } from './errors.ts'

/** What runs the operators. Only `cpu` gives the bits of precision class `cpu-exact`. */
export const PROVIDERS = ['cuda', 'webgpu', 'cpu'] as const
export type Provider = (typeof PROVIDERS)[number]

export interface TriedProvider {
  readonly provider: Provider
  /** Why it cannot be used. */
  readonly refused?: string
  /** The base model that it was tried with; none where it was the self-test. */
  readonly folder?: string
}

/** Runs from the sources as well as from what the compiler emits. */
const TRIAL = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './provider-trial.ts' : './provider-trial.js',
    import.meta.url,
  ),
)
/** A first run compiles shaders: 20 s were seen on a processor that stands in for a GPU. */
const TRIAL_WAIT_MS = 120_000

/** Tries each provider with the engine's self-test, in a process of its own. */
export async function tryProviders(
  threads: number,
  onProvider: (done: number, provider: Provider) => void,
): Promise<TriedProvider[]> {
  const tried: TriedProvider[] = []
  for (const [done, provider] of PROVIDERS.entries()) {
    onProvider(done, provider)
    const refused = await trial(provider, threads)
    tried.push({ provider, ...(refused !== undefined && { refused }) })
  }
  return tried
}

/** The first provider that works. Throws `EngineError` (`runtime`) where none does. */
export async function chooseProvider(
  wanted: readonly Provider[],
  threads: number,
  onRefused: (refused: TriedProvider) => void,
): Promise<Provider> {
  const reasons: string[] = []
  for (const provider of wanted) {
    // The processor needs no trial: where it reckons otherwise than others do, its models say that they are not exact.
    const refused = provider === 'cpu' ? undefined : await trial(provider, threads)
    if (refused === undefined) return provider
    onRefused({ provider, refused })
    reasons.push(`${provider}: ${refused}`)
  }
  throw new EngineError('runtime', `no provider works on this machine: ${reasons.join('; ')}`)
}

async function trial(provider: Provider, threads: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [TRIAL, provider, String(threads)],
      { timeout: TRIAL_WAIT_MS },
    )
    return (JSON.parse(stdout) as { refused?: string }).refused
  } catch (error) {
    const { signal, code } = error as { signal?: string; code?: number }
    return `its trial ended with ${signal ?? `exit code ${code}`}; the driver may be broken`
  }
}
