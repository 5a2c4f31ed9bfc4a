/** `tributary doctor`: what this machine can do for the network, and how fast. Measured, not declared. */
import { cpus, freemem, totalmem } from 'node:os'
import { basename } from 'node:path'
import { styleText } from 'node:util'
import { Command } from 'commander'
import { ConfigError } from '../config/load.ts'
import { createEngine } from '../engine/engine.ts'
import { gib } from '../engine/machine.ts'
import { PROVIDERS, type Provider, type TriedProvider, tryProviders } from '../engine/providers.ts'
import { RUNTIME_VERSION } from '../engine/session.ts'
import { measureSpeed, SPEED_PARTS, type Speed } from '../engine/speed.ts'
import { SHIPPED_MODEL } from '../shipped-model.ts'
import { print, printJson, table } from './output.ts'
import { startProgress } from './progress.ts'

interface Options {
  readonly model: string
  readonly threads: string
  readonly json?: boolean
}

const MAX_THREADS = 256

interface Health {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly freeBytes: number
  readonly runtime: string
  /** Whether replays come out to the bit; without it this machine gets no work of class `cpu-exact`. */
  readonly exact: boolean
  readonly inexactReason?: string
  readonly providers: readonly Examined[]
  readonly model: { readonly folder: string; readonly parameters: number; readonly family: string }
  readonly threads: number
  readonly tokensPerSecond: Speed
  readonly residentBytes: number
}

/** How fast answers are drawn: one alone, and eight together where that was tried. */
type DrawingSpeed = Pick<Speed, 'decode'> & Partial<Pick<Speed, 'decodeOfEight'>>

/** A provider that works may be refused with this model all the same. */
type Examined = TriedProvider & { readonly tokensPerSecond?: DrawingSpeed }

/** Tokens a second below which nobody waits for eight answers more. */
const SLOW = 4

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what this machine can do, and how fast')
    .option(
      '--model <folder>',
      'measure with this model instead of the one that ships',
      SHIPPED_MODEL,
    )
    .option('--threads <count>', 'threads for the model', '1')
    .option('--json', 'one JSON object on standard output')
    .action(doctor)
}

async function doctor({ model, threads, json }: Options): Promise<void> {
  const count = Number(threads)
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS) {
    throw new ConfigError(`--threads: ${threads} is not a whole number of 1 to ${MAX_THREADS}`)
  }
  const health = await examine(model, count)
  if (json) printJson(health)
  else print(describe(health))
  if (!health.exact) process.exitCode = 1
}

async function examine(folder: string, threads: number): Promise<Health> {
  const progress = startProgress('doctor')
  let total = 2 * PROVIDERS.length + SPEED_PARTS.length
  try {
    const tried = await tryProviders(threads, (done, provider) =>
      progress.update(done, total, provider),
    )
    const others = tried.filter(isOther)
    total = PROVIDERS.length + SPEED_PARTS.length + others.length
    await using engine = createEngine({ threads })
    const model = await engine.open(folder)
    const { config, parameterCount, exact, inexactReason } = model.info
    const tokensPerSecond = await measureSpeed(model, SPEED_PARTS, (done, part) =>
      progress.update(PROVIDERS.length + done, total, part),
    )
    const providers: Examined[] = []
    for (const one of tried) {
      const { provider } = one
      const done = total - others.length + others.indexOf(one)
      const tell = (): void => progress.update(done, total, `decode: ${provider}`)
      providers.push(isOther(one) ? await examineProvider(folder, threads, provider, tell) : one)
    }
    return {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      freeBytes: freemem(),
      runtime: `onnxruntime ${RUNTIME_VERSION}, node ${process.version}`,
      exact,
      ...(inexactReason !== undefined && { inexactReason }),
      providers,
      model: { folder, parameters: parameterCount, family: config.family },
      threads,
      tokensPerSecond,
      residentBytes: process.memoryUsage.rss(),
    }
  } finally {
    progress.end()
  }
}

/** Works, beside the processor. */
function isOther({ provider, refused }: TriedProvider): boolean {
  return provider !== 'cpu' && refused === undefined
}

/** How fast a provider draws answers with the model, or why it does not. */
async function examineProvider(
  folder: string,
  threads: number,
  provider: Provider,
  onProgress: () => void,
): Promise<Examined> {
  const tried: TriedProvider[] = []
  await using engine = createEngine({
    threads,
    providers: [provider],
    onTried: (one) => tried.push(one),
  })
  const model = await engine.open(folder)
  const { decode } = await measureSpeed(model, ['decode'], onProgress)
  // It may have begun, and failed on its way.
  const last = tried.at(-1)
  if (last?.refused !== undefined) return { provider, refused: last.refused }
  if (decode < SLOW) return { provider, tokensPerSecond: { decode } }
  const { decodeOfEight } = await measureSpeed(model, ['decodeOfEight'], onProgress)
  return { provider, tokensPerSecond: { decode, decodeOfEight } }
}

function describe(health: Health): string {
  const { tokensPerSecond: speed, model } = health
  const yes = (text: string) => `${styleText('green', '✓')} ${text}`
  const no = (text: string) => `${styleText('red', '✗')} ${text}`
  const perSecond = (tokens: number) =>
    `${(tokens < 10 ? Number(tokens.toPrecision(2)) : Math.round(tokens)).toLocaleString('en')} tokens/s`
  const written = ({ decode, decodeOfEight }: DrawingSpeed) => {
    const together = decodeOfEight && `; ${perSecond(decodeOfEight)} for eight at once`
    return `${perSecond(decode)}${together ?? ''}`
  }
  return table([
    ['processor', `${health.processor}, ${health.cores} cores`],
    ['memory', `${gib(health.freeBytes)} free of ${gib(health.memoryBytes)}`],
    ['runtime', health.runtime],
    [
      'replays',
      health.exact
        ? yes('equal to the bit: this machine can work and validate')
        : no(`not equal to the bit: ${health.inexactReason}`),
    ],
    ...health.providers.map(({ provider, refused }) => [
      provider,
      refused === undefined ? yes('computes as the processor does') : no(refused),
    ]),
    ['', ''],
    [
      'measured with',
      `${basename(model.folder)}: ${model.family}, ${(model.parameters / 1e6).toFixed(1)} million parameters, ${health.threads} thread${health.threads > 1 ? 's' : ''}`,
    ],
    ['training', perSecond(speed.training)],
    ['prefill', perSecond(speed.prefill)],
    ['decode', written(speed)],
    ...health.providers.flatMap(({ provider, tokensPerSecond }) =>
      tokensPerSecond ? [[`  by ${provider}`, written(tokensPerSecond)]] : [],
    ),
    ['memory in use', gib(health.residentBytes)],
  ])
}
