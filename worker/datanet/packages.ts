/**
 * The documentation of installed npm packages, as submissions to a datanet: what the demo is made of. Each package is a
 * contributor of its own. Nothing of the folder is trusted: links that lead out, huge files and false JSON are passed over.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Address } from '../../protocol/fields.ts'
import type { Submission } from './contribute.ts'
import { DatanetError } from './errors.ts'

/** Packages in one folder: ten times a large project's. */
const MAX_PACKAGES = 20_000
const MAX_PACKAGE_JSON_BYTES = 1024 * 1024
const MAX_README_BYTES = 1024 * 1024

/** A package's own text, in the order of preference; a change log or licence is not about what it does. */
const README = /^readme\.(md|markdown)$/i
const MARKDOWN = /\.(md|markdown)$/i
const NOT_ABOUT =
  /^(change|history|release|licen[cs]e|notice|contribut|security|code.of.conduct|authors|third)/i

export interface PackageText extends Submission {
  /** Where the text was read, for people. */
  readonly path: string
}

/**
 * Yields the texts of the packages in a `node_modules` folder that have a top-level Markdown file and a licence, by name.
 * `contributorOf` gives each package's account. Throws `DatanetError` `bad-folder` where the folder cannot be read.
 */
export async function* packageTexts(
  folder: string,
  contributorOf: (packageName: string) => Address,
  signal?: AbortSignal,
): AsyncGenerator<PackageText> {
  const root = await realFolder(folder)
  for (const name of (await packageNames(root)).slice(0, MAX_PACKAGES)) {
    signal?.throwIfAborted()
    const home = await within(root, join(root, name))
    if (home === undefined) continue
    const licence = await licenceOf(root, home)
    const path = licence === undefined ? undefined : await readmeOf(root, home)
    if (licence === undefined || path === undefined) continue
    const content = await readBounded(root, path, MAX_README_BYTES)
    if (content !== undefined) {
      yield { contributor: contributorOf(name), name, licence, content, path }
    }
  }
}

async function realFolder(folder: string): Promise<string> {
  try {
    const real = await realpath(folder)
    await readdir(real)
    return real
  } catch (cause) {
    const advice = 'give a node_modules folder'
    throw new DatanetError('bad-folder', `${folder} cannot be read; ${advice}`, { cause })
  }
}

/** All package names, scoped ones as `@scope/name`, ordered by UTF-16 units as on every machine. */
async function packageNames(root: string): Promise<string[]> {
  const names: string[] = []
  for (const entry of await readdir(root)) {
    if (entry.startsWith('.')) continue
    if (!entry.startsWith('@')) names.push(entry)
    else names.push(...(await filesIn(root, join(root, entry))).map((name) => `${entry}/${name}`))
  }
  return names.sort()
}

async function licenceOf(root: string, home: string): Promise<string | undefined> {
  const bytes = await readBounded(root, join(home, 'package.json'), MAX_PACKAGE_JSON_BYTES)
  if (bytes === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    // A package without a readable description declares no licence.
    return undefined
  }
  return declaredLicence(value)
}

/** The `license` field, or its forms of old: an object with `type`, a list under `licenses`. */
function declaredLicence(description: unknown): string | undefined {
  const { license, licenses } = record(description)
  if (Array.isArray(licenses) && license === undefined) {
    const types = licenses.map((each) => record(each)['type']).filter(isText)
    return types.length === 0 ? undefined : types.join(' OR ')
  }
  const declared = isText(license) ? license : record(license)['type']
  return isText(declared) ? declared : undefined
}

async function readmeOf(root: string, home: string): Promise<string | undefined> {
  const files = (await filesIn(root, home)).filter((file) => MARKDOWN.test(file)).sort()
  const chosen =
    files.find((file) => README.test(file)) ?? files.find((file) => !NOT_ABOUT.test(file))
  return chosen === undefined ? undefined : join(home, chosen)
}

async function filesIn(root: string, folder: string): Promise<string[]> {
  const real = await within(root, folder)
  if (real === undefined) return []
  try {
    return await readdir(real)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** The file's bytes; `undefined` where it is none, is missing, is too large or lies outside of the folder. */
async function readBounded(
  root: string,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const real = await within(root, path)
  if (real === undefined) return undefined
  const found = await stat(real)
  return found.isFile() && found.size <= maxBytes ? readFile(real) : undefined
}

/** The path with all links followed, where it is there and still within `root`. */
async function within(root: string, path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path)
    return real.startsWith(root + sep) ? real : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Not there, no folder, or a ring of links: one entry's own fault, not the folder's. */
function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EACCES'
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
