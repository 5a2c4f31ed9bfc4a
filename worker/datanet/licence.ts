/** Licences: which a datanet takes, by SPDX expression (SPDX specification 2.3, annex D). */

/** Licences that allow training and passing on, with at most attribution, which the datanet gives to every contributor. */
export const PERMISSIVE_LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

/** SPDX expressions of more tokens are no honest licence; it bounds the parser's depth. */
const MAX_TOKENS = 32

/**
 * Whether an SPDX expression grants one of the allowed licences: one side of each OR, both sides of each AND. An
 * exception (WITH) only ever allows more. `undefined` where it is no SPDX expression.
 */
export function licenceAllowed(
  expression: string,
  allowed: ReadonlySet<string>,
): boolean | undefined {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? []
  if (tokens.length === 0 || tokens.length > MAX_TOKENS) return undefined
  const names = new Set([...allowed].map((name) => name.toLowerCase()))
  const parser = { tokens, at: 0, names }
  const granted = either(parser)
  return parser.at === tokens.length ? granted : undefined
}

interface Parser {
  readonly tokens: readonly string[]
  at: number
  readonly names: ReadonlySet<string>
}

function either(parser: Parser): boolean | undefined {
  let granted = both(parser)
  while (granted !== undefined && take(parser, 'OR')) {
    const other = both(parser)
    granted = other === undefined ? undefined : granted || other
  }
  return granted
}

function both(parser: Parser): boolean | undefined {
  let granted = single(parser)
  while (granted !== undefined && take(parser, 'AND')) {
    const other = single(parser)
    granted = other === undefined ? undefined : granted && other
  }
  return granted
}

function single(parser: Parser): boolean | undefined {
  if (take(parser, '(')) {
    const granted = either(parser)
    return take(parser, ')') ? granted : undefined
  }
  const name = identifier(parser)
  if (name === undefined) return undefined
  if (take(parser, 'WITH') && identifier(parser) === undefined) return undefined
  // "GPL-2.0+" is that version or a later one: it is what its first version is.
  return parser.names.has(name.replace(/\+$/, '').toLowerCase())
}

function identifier(parser: Parser): string | undefined {
  const token = parser.tokens[parser.at]
  if (token === undefined || !/^[A-Za-z0-9][A-Za-z0-9.:-]*\+?$/.test(token)) return undefined
  if (['AND', 'OR', 'WITH'].includes(token.toUpperCase())) return undefined
  parser.at += 1
  return token
}

function take(parser: Parser, word: string): boolean {
  if (parser.tokens[parser.at]?.toUpperCase() !== word) return false
  parser.at += 1
  return true
}
