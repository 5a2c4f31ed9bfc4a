/** Flags over environment over file over defaults. Keys are no options: they lie in files of the data folder. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
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
    if (flags[name] !== undefined) fromFlags[name] = parseGiven(name, flags[name])
  }
  const fromFile: Raw = file === undefined ? {} : readFile(file)
  const parsed = Config.safeParse({ ...fromFile, ...fromEnvironment, ...fromFlags })
  if (parsed.success) return parsed.data
  const sources = { flags: fromFlags, environment: fromEnvironment, inFile: fromFile, file }
  const wrong = new Set(parsed.error.issues.map((issue) => explain(issue, sources)))
  throw new ConfigError([...wrong].join('\n'))
}

function readFile(path: string): Raw {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return parseAll(read)
  } catch (cause) {
    const why = (cause as Error).message
    throw new ConfigError(`The config file ${path} cannot be read: ${why}.`, { cause })
  }
  throw new ConfigError(`The config file ${path} holds no JSON object, such as {"threads": 2}.`)
}

/** Words in a file are taken as they are on the command line. */
function parseAll(read: object): Raw {
  return Object.fromEntries(
    Object.entries(read).map(([name, value]) => [name, parseGiven(name as OptionName, value)]),
  )
}

function parseGiven(name: OptionName, value: unknown): unknown {
  return typeof value === 'string' ? parseText(name, value) : value
}

function parseText(name: OptionName, text: string): unknown {
  if (LIST_OPTIONS.includes(name)) return text === '' ? [] : text.split(',')
  // Nothing at all counts as 0 for `Number`, and port 0 would be any.
  if (NUMBER_OPTIONS.includes(name)) return text.trim() === '' ? text : Number(text)
  return text
}

interface Given {
  readonly flags: Raw
  readonly environment: Raw
  readonly inFile: Raw
  readonly file: string | undefined
}

function explain(issue: z.core.$ZodIssue, given: Given): string {
  if (issue.code === 'unrecognized_keys') {
    return `${given.file} has an option that does not exist: ${issue.keys.join(', ')}. Options: ${OPTION_NAMES.join(', ')}.`
  }
  const name = issue.path[0] as OptionName
  const meaning = Config.shape[name].description ?? ''
  const source = sourceOf(name, given)
  if (source === undefined) return `--${flagOf(name)} is needed: ${meaning}.`
  const wanted = issue.code === 'invalid_type' ? `expected ${issue.expected}` : issue.message
  return `${source} is wrong (${wanted}). It stands for: ${meaning}.`
}

/** What set the option; nothing where nothing did. */
function sourceOf(name: OptionName, { flags, environment, inFile, file }: Given) {
  if (name in flags) return `--${flagOf(name)}`
  if (name in environment) return variableOf(name)
  return name in inFile ? `${name} in ${file}` : undefined
}
