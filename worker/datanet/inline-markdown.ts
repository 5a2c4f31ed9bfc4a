/**
 * Markdown within paragraphs, to plain text: the words of links stay and their targets go; images, tags and web
 * addresses go; code keeps its content. One pass to pair brackets and backticks, one to write: linear, without recursion.
 */

/** Where each opening mark of a text ends. */
interface Pairs {
  /** Run of backticks -> the run of equal length that closes it. */
  readonly code: ReadonlyMap<number, number>
  /** Opening bracket or parenthesis -> its closing one. */
  readonly bracket: ReadonlyMap<number, number>
}

/** Tags are taken out by name, since `Array<string>` in a sentence is none. */
const TAGS = new Set(
  (
    'a abbr address article aside audio b blockquote br center circle cite code dd del details div dl dt em figcaption ' +
    'figure font footer g h1 h2 h3 h4 h5 h6 header hr i iframe img input ins kbd li link main mark meta nav ol p path ' +
    'picture pre q rect s samp script section small source span strike strong style sub summary sup svg table tbody td ' +
    'text tfoot th thead time title tr tt u ul use var video wbr'
  ).split(' '),
)
/** Tags that end a line of text. */
const LINE_TAGS = new Set('br dd div dt h1 h2 h3 h4 h5 h6 hr li ol p table tr ul'.split(' '))
/** A longer tag, or address in angle brackets, is none. */
const MAX_TAG = 4000

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['apos', "'"],
  ['copy', '©'],
  ['gt', '>'],
  ['lt', '<'],
  ['mdash', '—'],
  ['nbsp', ' '],
  ['ndash', '–'],
  ['quot', '"'],
  ['#39', "'"],
])
const MAX_ENTITY = 6

/** What a mark stands for, and where to read on: always further than the mark. */
interface Step {
  readonly text: string
  readonly next: number
}

interface Scan {
  readonly text: string
  readonly pairs: Pairs
  /** Closing bracket of a link -> the end of the target behind it. */
  readonly linkEnds: Map<number, number>
  /** The first `>` at or behind the last place it was looked for. */
  nextAngle: number
}

/** The plain text of a stretch of Markdown prose. */
export function inlineText(text: string): string {
  const scan: Scan = { text, pairs: pair(text), linkEnds: new Map(), nextAngle: -1 }
  const out: string[] = []
  for (let at = 0; at < text.length; ) {
    const start = at
    while (at < text.length && RULES[text[at]!] === undefined) at += 1
    out.push(text.slice(start, at))
    if (at === text.length) break
    const step = RULES[text[at]!]!(scan, at)
    out.push(step.text)
    at = step.next
  }
  return out.join('')
}

/** The mark as it is: it turned out to mean nothing. */
function literal({ text }: Scan, at: number): Step {
  return { text: text[at]!, next: at + 1 }
}

function escaped(scan: Scan, at: number): Step {
  const next = scan.text[at + 1]
  const isEscape = next !== undefined && /[!-/:-@[-`{-~]/.test(next)
  return isEscape ? { text: next, next: at + 2 } : literal(scan, at)
}

function code({ text, pairs }: Scan, at: number): Step {
  const length = runLength(text, at)
  const close = pairs.code.get(at)
  if (close === undefined) return { text: '', next: at + length }
  return { text: text.slice(at + length, close).trim(), next: close + length }
}

function image(scan: Scan, at: number): Step {
  const close = scan.text[at + 1] === '[' ? scan.pairs.bracket.get(at + 1) : undefined
  if (close === undefined) return literal(scan, at)
  return { text: '', next: targetEnd(scan, close) ?? close + 1 }
}

/** Leaves out the bracket; the words of the link are then read as all other text, up to its closing bracket. */
function linkStart(scan: Scan, at: number): Step {
  const { text, pairs, linkEnds } = scan
  const close = pairs.bracket.get(at)
  if (close === undefined) return literal(scan, at)
  // A footnote's number, or the mark of a callout such as [!NOTE].
  const isNote = text[at + 1] === '^' || (text[at + 1] === '!' && text[at + 2] !== '[')
  if (isNote) return { text: '', next: close + 1 }
  // `list[i][j]` is no link.
  const end = isWordCharacter(text[at - 1]) ? undefined : targetEnd(scan, close)
  if (end === undefined) return literal(scan, at)
  linkEnds.set(close, end)
  return { text: '', next: at + 1 }
}

function linkEnd(scan: Scan, at: number): Step {
  const end = scan.linkEnds.get(at)
  return end === undefined ? literal(scan, at) : { text: '', next: end }
}

/** The end of `(target)` or `[reference]` right behind a closing bracket. */
function targetEnd({ pairs }: Scan, close: number): number | undefined {
  const end = pairs.bracket.get(close + 1)
  return end === undefined ? undefined : end + 1
}

function tag(scan: Scan, at: number): Step {
  const { text } = scan
  if (scan.nextAngle < at) {
    const found = text.indexOf('>', at)
    scan.nextAngle = found < 0 ? Number.POSITIVE_INFINITY : found
  }
  const end = scan.nextAngle
  if (end - at > MAX_TAG) return literal(scan, at)
  const content = text.slice(at + 1, end)
  if (/^(https?:|mailto:)/i.test(content)) return { text: '', next: end + 1 }
  const name = /^\/?([A-Za-z][A-Za-z0-9]*)/.exec(content)?.[1]?.toLowerCase() ?? ''
  if (!TAGS.has(name)) return literal(scan, at)
  return { text: LINE_TAGS.has(name) ? '\n' : '', next: end + 1 }
}

function entity(scan: Scan, at: number): Step {
  const start = at + 1
  const length = scan.text.slice(start, start + MAX_ENTITY).indexOf(';')
  const known = ENTITIES.get(scan.text.slice(start, start + Math.max(0, length)))
  return known === undefined ? literal(scan, at) : { text: known, next: start + length + 1 }
}

/** Leaves out a bare web address, up to the next space or closing mark. */
function address(scan: Scan, at: number): Step {
  const { text } = scan
  const isAddress = /^https?:\/\//.test(text.slice(at, at + 8)) && !isWordCharacter(text[at - 1])
  if (!isAddress) return literal(scan, at)
  let end = at
  while (end < text.length && !' \n<>()[]"`|'.includes(text[end]!)) end += 1
  return { text: '', next: end }
}

/** Stars that touch a word, underscores at a word's edge and double tildes are emphasis; `a * b` and snake_case are not. */
function emphasis({ text }: Scan, at: number): Step {
  const mark = text[at]
  const next = at + runLength(text, at)
  const isSpaced = isSpace(text[at - 1]) && isSpace(text[next])
  const isEdge = isWordCharacter(text[at - 1]) !== isWordCharacter(text[next])
  const isMark = mark === '_' ? isEdge : !isSpaced && (mark === '*' || next - at === 2)
  return { text: isMark ? '' : text.slice(at, next), next }
}

const RULES: Readonly<Record<string, (scan: Scan, at: number) => Step>> = {
  '\\': escaped,
  '`': code,
  '!': image,
  '[': linkStart,
  ']': linkEnd,
  '<': tag,
  '&': entity,
  h: address,
  '*': emphasis,
  _: emphasis,
  '~': emphasis,
}

/** Pairs runs of backticks and brackets, each within its paragraph. */
function pair(text: string): Pairs {
  const code = pairCode(text)
  return { code, bracket: pairBrackets(text, code) }
}

/** From the right, so that the next run of each length is known. */
function pairCode(text: string): Map<number, number> {
  const code = new Map<number, number>()
  const nextOfLength = new Map<number, number>()
  for (let end = text.length; end > 0; end--) {
    if (isParagraphEnd(text, end - 1)) nextOfLength.clear()
    if (text[end - 1] !== '`') continue
    let start = end
    while (start > 0 && text[start - 1] === '`') start -= 1
    const close = nextOfLength.get(end - start)
    if (close !== undefined) code.set(start, close)
    nextOfLength.set(end - start, start)
    end = start + 1
  }
  return code
}

/** From the left, passing over code. */
function pairBrackets(text: string, code: ReadonlyMap<number, number>): Map<number, number> {
  const bracket = new Map<number, number>()
  let square: number[] = []
  let round: number[] = []
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (char === '\\') at += 1
    else if (char === '[') square.push(at)
    else if (char === '(') round.push(at)
    else if (char === ']' || char === ')') {
      const start = (char === ']' ? square : round).pop()
      if (start !== undefined) bracket.set(start, at)
    } else if (char === '`') {
      at = (code.get(at) ?? at) + runLength(text, at) - 1
    } else if (isParagraphEnd(text, at)) {
      square = []
      round = []
    }
  }
  return bracket
}

function isParagraphEnd(text: string, at: number): boolean {
  return text[at] === '\n' && text[at + 1] === '\n'
}

function runLength(text: string, at: number): number {
  let end = at
  while (text[end] === text[at]) end += 1
  return end - at
}

function isWordCharacter(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char)
}

function isSpace(char: string | undefined): boolean {
  return char === undefined || char === ' ' || char === '\n'
}
