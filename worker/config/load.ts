/** Flags over environment over file over defaults. Keys are no options: they lie in files of the data folder. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { WorldError } from '../errors.ts'
import {
  Config,
  flagOf,
  LIST_OPTIONS,
  NUMBER_OPTIONS,
  OPTION_NAMES,
  type OptionName,
  variableOf,
} from './schema.ts'

export class ConfigError extends WorldError {
  override readonly name = 'ConfigError'
}

type Raw = Partial<Record<OptionName, unknown>>

export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** A JSON file with options; none where undefined. */
  readonly file?: string | undefined
}

/** @throws ConfigError naming the option, where it came from, and what it may be. */
export function loadConfig({ flags, environment, file }: Sources): Config {
  const fromEnvironment: Raw = {}
  const fromFlags: Raw = {}
  for (const name of OPTION_NAMES) {
    const value = environment[variableOf(name)]
    if (value !== undefined) fromEnvironment[name] = parseText(name, value)
    if (flags[name] !== undefined) fromFlags[name] = parseFlag(name, flags[name])
  }
  const fromFile = file === undefined ? {} : readFile(file)
  const parsed = Config.safeParse({ ...fromFile, ...fromEnvironment, ...fromFlags })
  if (parsed.success) return parsed.data
  throw new ConfigError(explain(parsed.error, fromFlags, fromEnvironment, file))
}

function readFile(path: string): Raw {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return z.record(z.string(), z.unknown()).parse(read)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError(`The config file ${path} cannot be read as a JSON object: ${why}`)
  }
}

function parseFlag(name: OptionName, value: unknown): unknown {
  return typeof value === 'string' ? parseText(name, value) : value
}

function parseText(name: OptionName, text: string): unknown {
  if (LIST_OPTIONS.includes(name)) return text === '' ? [] : text.split(',')
  // Nothing at all counts as 0 for `Number`, and port 0 would be any.
  if (NUMBER_OPTIONS.includes(name)) return text.trim() === '' ? text : Number(text)
  return text
}

function explain(error: z.ZodError, flags: Raw, environment: Raw, file?: string): string {
  const issue = error.issues[0]!
  if (issue.code === 'unrecognized_keys') {
    return `${file} has an option that does not exist: ${issue.keys.join(', ')}. Options: ${OPTION_NAMES.join(', ')}.`
  }
  const name = issue.path[0] as OptionName
  const flag = `--${flagOf(name)}`
  const source =
    name in flags ? flag : name in environment ? variableOf(name) : file ? `${name} in ${file}` : ''
  const meaning = Config.shape[name].description ?? ''
  if (source === '') return `${flag} is needed: ${meaning}.`
  return `${source} is wrong (${issue.message}); it is the ${meaning}.`
}
