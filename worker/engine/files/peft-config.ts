/** PEFT's adapter_config.json: which modules carry an adapter, of what rank and scale. It comes from strangers. */
import { z } from 'zod'
import type { LoraSpec, Projection } from '../../../protocol/tuning.ts'
import { EngineError } from '../errors.ts'
import { familyOf } from '../families/known.ts'
import type { ModelConfig } from '../families/model-config.ts'
import { type LoraModule, loraLayout } from '../lora.ts'

export const ADAPTER_CONFIG_FILE = 'adapter_config.json'

const MAX_CONFIG_BYTES = 64 * 1024
/** Of LoraSpec. */
const MAX_ALPHA = 256

/** What adapter_config.json says of our own adapters. `baseModel` is what PEFT shows as the base model's name. */
export function peftConfig(config: ModelConfig, lora: LoraSpec, baseModel: string): object {
  const { inputsFirst, projections } = familyOf(config)
  return {
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: inputsFirst,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    peft_type: 'LORA',
    r: lora.rank,
    target_modules: projections
      .filter((projection) => lora.targets.includes(projection))
      .map((projection) => shortName(config, projection)),
    task_type: 'CAUSAL_LM',
  }
}

/** The end of a module's path that no other projection of the layer shares: `q_proj`, but `attn.c_proj`. */
function shortName(config: ModelConfig, projection: Projection): string {
  const { module, projections } = familyOf(config)
  const parts = module(0, projection).split('.')
  const short = parts.at(-1)!
  const clash = projections.filter((other) => isNamed(module(0, other), short)).length > 1
  return clash ? parts.slice(-2).join('.') : short
}

/** PEFT's rule: the whole path, or its end from a dot on. */
function isNamed(module: string, name: string): boolean {
  return module === name || module.endsWith(`.${name}`)
}

/** What PEFT can do and we cannot is refused by name; absent and null mean that it is not used. */
const unused = (...harmless: unknown[]) =>
  z
    .unknown()
    .refine(
      (value) =>
        value === undefined ||
        value === null ||
        harmless.some((known) => JSON.stringify(known) === JSON.stringify(value)),
      { error: ({ input }) => `${JSON.stringify(input).slice(0, 100)} is not supported` },
    )
    .optional()

const scale = z.number().positive().max(1024)
const rank = z.number().int().min(1).max(64)
/** PEFT reads keys as regular expressions; a stranger's is taken only where it is a path, whose dots stand for any character. */
const modulePath = z
  .string()
  .regex(/^[A-Za-z0-9_.]{1,200}$/, { message: 'only plain module paths are supported' })

const PeftConfig = z.object({
  peft_type: z.literal('LORA'),
  r: rank,
  lora_alpha: scale,
  target_modules: z.array(z.string().max(200)).min(1).max(1000),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(modulePath, rank).nullish(),
  alpha_pattern: z.record(modulePath, scale).nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  // Of the others some change the base model's weights as the adapter is put on, each time anew.
  init_lora_weights: unused(true, false, 'gaussian', 'orthogonal', 'eva', 'mica'),
  bias: unused('none'),
  use_dora: unused(false),
  use_qalora: unused(false),
  use_bdlora: unused(false),
  lora_bias: unused(false),
  modules_to_save: unused([]),
  layers_to_transform: unused([]),
  layers_pattern: unused([]),
  trainable_token_indices: unused([]),
  alora_invocation_tokens: unused([]),
  layer_replication: unused([]),
  exclude_modules: unused([]),
  target_parameters: unused([]),
  arrow_config: unused(),
  kasa_config: unused(),
  monteclora_config: unused(),
  velora_config: unused(),
})
type PeftConfig = z.output<typeof PeftConfig>

/** One module of an adapter file: its rank may be its own, and so may the factor that its output is multiplied by. */
export interface FileModule extends LoraModule {
  readonly fileRank: number
  readonly fileScale: number
}

/**
 * The one rank and scale that all modules are read into, and what each has in the file. Throws `EngineError`
 * (`bad-adapter`).
 */
export function readPeftConfig(
  config: ModelConfig,
  bytes: Uint8Array,
): { lora: LoraSpec; modules: FileModule[] } {
  const peft = parse(config, bytes)
  const targets = targetsOf(config, peft)
  const { layers } = config
  const { module, projections } = familyOf(config)
  const chosen = projections.filter((projection) => targets.includes(projection))
  const names = Array.from({ length: layers }, (_, layer) => chosen.map((p) => module(layer, p)))
  const ranks = names.flat().map((name) => patterned(name, peft.rank_pattern) ?? peft.r)
  const scales = names.flat().map((name, index) => {
    const alpha = patterned(name, peft.alpha_pattern) ?? peft.lora_alpha
    return alpha / (peft.use_rslora ? Math.sqrt(ranks[index]!) : ranks[index]!)
  })
  const widest = Math.max(...ranks)
  const plain = peft.lora_alpha / widest
  const uniform = scales.every((value) => value === plain) && Number.isInteger(peft.lora_alpha)
  // With alpha = rank the common scale is 1, and each module's own is multiplied into its B.
  const alpha = uniform && peft.lora_alpha <= MAX_ALPHA ? peft.lora_alpha : widest
  const lora = { rank: widest, alpha, targets }
  const modules = loraLayout(config, lora).modules.map((module, index) => ({
    ...module,
    fileRank: ranks[index]!,
    fileScale: scales[index]!,
  }))
  return { lora, modules }
}

/** The first entry of a pattern that names this module, by PEFT's rule. */
function patterned(
  module: string,
  pattern: Readonly<Record<string, number>> | null | undefined,
): number | undefined {
  return Object.entries(pattern ?? {}).find(([path]) => isMeant(module, path))?.[1]
}

/** As `isNamed`, with dots that stand for any character. */
function isMeant(module: string, path: string): boolean {
  const start = module.length - path.length
  if (start < 0 || (start > 0 && module[start - 1] !== '.')) return false
  return [...path].every((letter, place) => letter === '.' || letter === module[start + place])
}

function parse(model: ModelConfig, bytes: Uint8Array): PeftConfig {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw refuse(ADAPTER_CONFIG_FILE, 'size', `${bytes.length} bytes, over ${MAX_CONFIG_BYTES}`)
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw refuse(ADAPTER_CONFIG_FILE, 'the whole', 'is no JSON', cause)
  }
  const parsed = PeftConfig.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw refuse(ADAPTER_CONFIG_FILE, issue.path.join('.') || 'the whole', issue.message)
  }
  // PEFT itself sets it for GPT-2's weights, and for no others.
  if (parsed.data.fan_in_fan_out && !familyOf(model).inputsFirst) {
    throw refuse(ADAPTER_CONFIG_FILE, 'fan_in_fan_out', `is not for the ${model.family} family`)
  }
  return parsed.data
}

/** Projections that the names in `target_modules` stand for; each must stand for one at least. */
function targetsOf(config: ModelConfig, { target_modules: names }: PeftConfig): Projection[] {
  const { module, projections } = familyOf(config)
  const meant = names.map((name) => {
    const fits = projections.filter((projection) => means(name, module(0, projection)))
    if (fits.length > 0) return fits
    throw refuse(ADAPTER_CONFIG_FILE, 'target_modules', `"${name}" is not supported`)
  })
  return projections.filter((projection) => meant.flat().includes(projection))
}

/** Besides PEFT's own rule: some trainers write whole paths, of any layer. */
function means(name: string, module: string): boolean {
  return isNamed(module, name) || isNamed(name, module.split('.').slice(-2).join('.'))
}

export function refuse(file: string, field: string, reason: string, cause?: unknown): EngineError {
  return new EngineError('bad-adapter', `${file}: ${field}: ${reason}`, { cause })
}
