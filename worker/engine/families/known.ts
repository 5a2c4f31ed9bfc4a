/** The families that this engine knows, by the `model_type` of config.json. */
import { unsupported } from './fields.ts'
import { gpt2 } from './gpt2.ts'
import { llama, mistral, qwen2, qwen3 } from './llama.ts'
import type { Family, FamilyName, ModelConfig } from './model-config.ts'

const FAMILIES: Readonly<Record<FamilyName, Family>> = { llama, mistral, qwen2, qwen3, gpt2 }

export function familyOf({ family }: Pick<ModelConfig, 'family'>): Family {
  return FAMILIES[family]
}

/** Reads a config.json, already parsed as JSON. Throws `EngineError` (`unsupported-model`) naming the field. */
export function parseConfig(json: unknown): ModelConfig {
  const type = typeof json === 'object' && json !== null && Reflect.get(json, 'model_type')
  const family = Object.values(FAMILIES).find(({ name }) => name === type)
  if (family !== undefined) return family.parse(json)
  const known = Object.keys(FAMILIES).join(', ')
  throw unsupported('model_type', `${JSON.stringify(type)} is none of ${known}`)
}
