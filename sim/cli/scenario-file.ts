/** A scenario file: read, checked, and made whole, before anything runs. */
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { figuresOf } from './figures.ts'
import {
  DEPTHS,
  type Depth,
  FIELDS,
  nearest,
  pathsOf,
  SECTIONS,
  type Settings,
  type Value,
} from './keys.ts'
import { withArrivals } from './recorded-jobs.ts'
import { ofFile, Refusal } from './refusal.ts'

export interface Expectation {
  readonly figure: string
  /** Only arms with these values. */
  readonly where: Readonly<Record<string, Value>>
  /** Expected is not the figure, but how much it is more than in the arm with these values instead. */
  readonly against: Readonly<Record<string, Value>> | undefined
  readonly atLeast: number | undefined
  readonly atMost: number | undefined
}

/** A scenario with its sweep: every combination of the swept values is an arm, and each arm runs with every seed. */
export interface Study {
  readonly name: string
  readonly about: string
  readonly depth: Depth
  readonly seeds: readonly number[]
  readonly settings: Settings
  readonly sweep: Readonly<Record<string, readonly Value[]>>
  readonly measure: readonly Measure[]
  readonly expect: readonly Expectation[]
}

/** What is kept of each run beside its figures. */
export const MEASURES = ['reach', 'seconds', 'messages', 'upload', 'pay', 'load'] as const
export type Measure = (typeof MEASURES)[number]

const MOST_BYTES = 2 ** 20
const MOST_SEEDS = 10_000

const value = z.union([z.number(), z.string(), z.array(z.union([z.number(), z.string()]))])
const bound = z.number('give a number').optional()
const expectation = z.strictObject({
  figure: z.string('give the name of a figure'),
  where: z.record(z.string(), value).default({}),
  against: z.record(z.string(), value).optional(),
  atLeast: bound,
  atMost: bound,
})
const seed = z.int('give whole numbers from 0').min(0, 'give whole numbers from 0')
const SEEDS = `give how many, from 1 to ${MOST_SEEDS}, or a list of whole numbers from 0`
const seeds = z.union(
  [
    z.int(SEEDS).min(1, SEEDS).max(MOST_SEEDS, SEEDS),
    z.array(seed).min(1, SEEDS).max(MOST_SEEDS, SEEDS),
  ],
  SEEDS,
)

/** The form of a file at one depth. Within `small` stands what the quick version has otherwise. */
function formOf(depth: Depth) {
  const sections = Object.fromEntries(
    SECTIONS.map((section) => {
      const fields = Object.entries(FIELDS[depth][section]).map(
        ([name, type]) => [name, type.optional()] as const,
      )
      const error = `give its keys: ${Object.keys(FIELDS[depth][section]).join(', ')}`
      return [
        section,
        z.strictObject(Object.fromEntries(fields), { error: sectionError(error) }).optional(),
      ]
    }),
  )
  const changeable = {
    seeds: seeds.optional(),
    ...sections,
    sweep: z
      .record(z.string(), z.array(value, 'give a list of values').min(1, 'give at least one value'))
      .optional(),
    expect: z.array(expectation, 'give a list').optional(),
  }
  return z.strictObject({
    name: z
      .string('give it a name')
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'give up to 64 small letters, digits and hyphens'),
    about: z.string().max(1000, 'give up to 1,000 letters').default(''),
    depth: z.literal(depth),
    measure: z.array(z.enum(MEASURES, `give some of ${MEASURES.join(', ')}`)).optional(),
    small: z.strictObject(changeable).optional(),
    ...changeable,
  })
}

/** Only for what is no object at all: a strict object's own complaint about a key is put in words below. */
function sectionError(message: string) {
  return (issue: { code?: string | undefined }) =>
    issue.code === 'invalid_type' ? message : undefined
}

/** @param small the quick version of it */
export function readScenario(path: string, small = false): Study {
  return parseScenario(readBounded(path), path, small, dirname(path))
}

function readBounded(path: string): string {
  return ofFile(path, 'give a scenario file', () => {
    const bytes = statSync(path).size
    if (bytes <= MOST_BYTES) return readFileSync(path, 'utf8')
    throw new Refusal(`${path} has ${bytes} bytes; a scenario file has at most ${MOST_BYTES}`)
  })
}

/**
 * @param path what to call it where it is refused
 * @param folder where the files that it names are
 */
export function parseScenario(
  text: string,
  path = 'the scenario',
  small = false,
  folder = '.',
): Study {
  const read = readYaml(text, path, 'a scenario file')
  if (typeof read !== 'object' || read === null || Array.isArray(read)) {
    throw new Refusal(`${path} has no keys; it needs at least name and depth`)
  }
  const depth = DEPTHS.find((known) => known === (read as { depth?: unknown }).depth)
  if (!depth) {
    const given = (read as { depth?: unknown }).depth
    throw new Refusal(`${path}: depth is ${show(given)}; give one of ${DEPTHS.join(', ')}`)
  }
  const checked = formOf(depth).safeParse(read)
  if (!checked.success) {
    const said = checked.error.issues.map((issue) => explain(issue, read, depth))
    throw new Refusal([...new Set(said)].map((line) => `${path}: ${line}`).join('\n'))
  }
  const study = studyOf(checked.data, depth, small)
  checkPaths(study, path)
  return { ...study, settings: withRecorded(study.settings, path, folder) }
}

/** @param what what to call it where it is refused. Throws `Refusal` */
export function readYaml(text: string, what: string, advice: string): unknown {
  const refuse = (why: string): never => {
    // The line after the first one shows the place once more.
    throw new Refusal(`${what} is no YAML: ${why.split(/:?\n/)[0]}; give ${advice}`)
  }
  const document = parseDocument(text)
  const broken = document.errors[0]
  if (broken) return refuse(broken.message)
  try {
    const read: unknown = document.toJS({ maxAliasCount: 20 })
    // What holds itself could not be shown, nor kept with the results.
    JSON.stringify(read)
    return read
  } catch (error) {
    return refuse((error as Error).message)
  }
}

function withRecorded(settings: Settings, path: string, folder: string): Settings {
  try {
    return { ...settings, workload: withArrivals(settings.workload, folder) }
  } catch (error) {
    if (!(error instanceof RangeError) && !(error instanceof Refusal)) throw error
    throw new Refusal(`${path}: workload.recording: ${error.message}`)
  }
}

type File = z.infer<ReturnType<typeof formOf>>

function studyOf(file: File, depth: Depth, small: boolean): Study {
  const change = (small && file.small) || {}
  const of = (source: object, section: string) =>
    ((source as Record<string, unknown>)[section] ?? {}) as Record<string, Value>
  const settings = Object.fromEntries(
    SECTIONS.map((section) => [section, { ...of(file, section), ...of(change, section) }]),
  )
  const given = change.seeds ?? file.seeds ?? 1
  return {
    name: file.name,
    about: file.about,
    depth,
    seeds:
      typeof given === 'number' ? Array.from({ length: given }, (_, index) => index + 1) : given,
    settings: settings as unknown as Settings,
    sweep: change.sweep ?? file.sweep ?? {},
    measure: file.measure ?? MEASURES,
    expect: (change.expect ?? file.expect ?? []).map((wanted) => ({
      ...wanted,
      against: wanted.against,
      atLeast: wanted.atLeast,
      atMost: wanted.atMost,
    })),
  }
}

/** Keys of `sweep`, `where` and `against`, and names of figures, are words of the file's own choosing: checked here. */
function checkPaths({ depth, sweep, expect, seeds }: Study, path: string): void {
  const refuse = (message: string): never => {
    throw new Refusal(`${path}: ${message}`)
  }
  for (const key of Object.keys(sweep)) {
    if (!pathsOf(depth).includes(key)) refuse(unknownKey(`sweep.${key}`, key, pathsOf(depth)))
    if (key === 'workload.recording') refuse(`sweep.${key}: a study is about one recorded day`)
  }
  if (new Set(seeds).size < seeds.length) refuse('seeds has one twice; a seed is one run')
  const figures = figuresOf(depth)
  expect.forEach(({ figure, where, against, atLeast, atMost }, index) => {
    const at = `expect.${index}`
    if (!figures.includes(figure)) refuse(unknownKey(`${at}.figure ${figure}`, figure, figures))
    if (atLeast === undefined && atMost === undefined)
      refuse(`${at} expects nothing; give atLeast or atMost`)
    if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) {
      refuse(`${at}.atLeast is ${atLeast} and atMost ${atMost}; nothing can be both`)
    }
    for (const key of Object.keys({ ...where, ...against })) {
      if (!(key in sweep))
        refuse(unknownKey(`${at} names ${key}, which is not swept;`, key, Object.keys(sweep)))
    }
  })
}

function explain(issue: z.core.$ZodIssue, read: unknown, depth: Depth): string {
  const path = issue.path.map(String)
  const at = path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = knownAt(path, depth)
    return issue.keys.map((key) => unknownKey([...path, key].join('.'), key, known)).join('; ')
  }
  const given = path.reduce<unknown>(
    (inside, key) => (inside as Record<string, unknown>)?.[key],
    read,
  )
  return `${at} is ${show(given)}; ${issue.message}`
}

function knownAt(path: readonly string[], depth: Depth): readonly string[] {
  const last = path.at(-1)
  const section = SECTIONS.find((name) => name === last)
  if (section) return Object.keys(FIELDS[depth][section])
  if (path.includes('expect')) return Object.keys(expectation.shape)
  return last === 'small'
    ? [...SECTIONS, 'seeds', 'sweep', 'expect']
    : Object.keys(formOf(depth).shape)
}

/** What is said of a key that is none of the known. */
export function unknownKey(what: string, key: string, known: readonly string[]): string {
  const close = nearest(key, known)
  const offer = close ? `did you mean ${close}?` : `there are ${known.join(', ') || 'none'}`
  return what.endsWith(';') ? `${what} ${offer}` : `${what} is unknown; ${offer}`
}

function show(given: unknown): string {
  if (given === undefined) return 'missing'
  const text = typeof given === 'number' ? String(given) : JSON.stringify(given)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
