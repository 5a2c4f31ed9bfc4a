/**
 * From Markdown to the plain text that a model is trained on: headings, prose and short code stay; badges, images,
 * comments, tags, link targets, tables of contents and encoded data go. A pure function, linear in its input: strangers
 * write what goes in, so nothing here searches twice over the same stretch.
 */
import { inlineText } from './inline-markdown.ts'

/** A longer listing is a file, not an explanation. */
const MAX_CODE_LINES = 30
/** A longer line of code is data or was made by a machine. */
const MAX_CODE_COLUMNS = 200
/** Front matter that has not ended by then is none. */
const MAX_FRONT_MATTER_LINES = 64
/** A word of that many ASCII letters, digits and `+/=_-` is a hash, a key or base64. */
const ENCODED_WORD = /[A-Za-z0-9+/=_-]{60,}/g

/** The text of a Markdown document: blocks parted by one empty line, no line of prose without a letter or a digit. */
export function cleanMarkdown(source: string): string {
  const parts = blocks(printable(source).split('\n')).map(({ kind, lines }) =>
    kind === 'code' ? codeText(lines) : tidyLines(inlineText(lines.join('\n')).split('\n')),
  )
  // Without what stood between them, letters and marks have come together.
  return composed(parts.filter((part) => part !== '').join('\n\n'))
}

/** One kind of line end, no control or invisible characters, and Unicode in its composed form. */
function printable(source: string): string {
  const plain = source
    .replace(/\r\n?|[\p{Zl}\p{Zp}]/gu, '\n')
    .replace(/[\t\p{Zs}]/gu, ' ')
    .replace(/[^\P{C}\n]|\p{Default_Ignorable_Code_Point}/gu, '')
  return composed(plain)
}

/** NFC. To put marks in order takes the square of their number, so no letter keeps more than any script has (UAX 15, 13). */
function composed(text: string): string {
  return text.replace(/(\p{M}{30})\p{M}+/gu, '$1').normalize('NFC')
}

interface Block {
  readonly kind: 'prose' | 'code'
  readonly lines: string[]
}

/** Parts fenced code from prose, and takes from the prose what stands on lines of its own. */
function blocks(lines: readonly string[]): Block[] {
  const result: Block[] = []
  let fence = ''
  let inComment = false
  const put = (kind: Block['kind'], line: string): void => {
    if (result.at(-1)?.kind !== kind) result.push({ kind, lines: [] })
    result.at(-1)!.lines.push(line)
  }
  for (const line of lines.slice(frontMatterLines(lines))) {
    const trimmed = line.trim()
    if (fence !== '') {
      if (isFenceEnd(trimmed, fence)) fence = ''
      else put('code', line)
    } else if (!inComment && fenceOf(trimmed) !== '') {
      fence = fenceOf(trimmed)
      // An empty line of prose keeps two listings apart that follow each other.
      put('prose', '')
    } else {
      const { text, open } = withoutComments(line, inComment)
      inComment = open
      const isAllComment = trimmed !== '' && text.trim() === ''
      if (!isAllComment) put('prose', proseLine(text))
    }
  }
  return result
}

function frontMatterLines(lines: readonly string[]): number {
  if (lines[0]?.trim() !== '---') return 0
  const end = lines.slice(1, MAX_FRONT_MATTER_LINES).findIndex((line) => line.trim() === '---')
  return end < 0 ? 0 : end + 2
}

/** The run of backticks or tildes that opens a fence, or nothing. An inline code that stands alone on its line is none. */
function fenceOf(trimmed: string): string {
  const mark = trimmed[0]
  if (mark !== '`' && mark !== '~') return ''
  let length = 0
  while (trimmed[length] === mark) length += 1
  if (length < 3 || (mark === '`' && trimmed.includes('`', length))) return ''
  return mark.repeat(length)
}

function isFenceEnd(trimmed: string, fence: string): boolean {
  return trimmed.startsWith(fence) && [...trimmed].every((char) => char === fence[0])
}

/** The line without HTML comments, and whether one is still open at its end. */
function withoutComments(line: string, inComment: boolean): { text: string; open: boolean } {
  const kept: string[] = []
  let open = inComment
  for (let at = 0; ; ) {
    const next = line.indexOf(open ? '-->' : '<!--', at)
    if (!open) kept.push(line.slice(at, next < 0 ? line.length : next))
    if (next < 0) return { text: kept.join(''), open }
    at = next + (open ? 3 : 4)
    open = !open
  }
}

/** A line of prose without the marks of its block, or empty where the line is of no use in a text. */
function proseLine(line: string): string {
  const { text, item } = withoutMarks(line.trim())
  const isReference = text.startsWith('[') && !text.startsWith('[^') && /^\[[^\]]*\]:/.test(text)
  const isContents =
    /^(\d{1,3}[.)] )?\[[^\]]*\]\(#[^)]*\)$/.test(text) || /^(table of )?contents:?$/i.test(text)
  if (text === '' || isReference || isContents) return ''
  return item ? `- ${text}` : text
}

/** Takes quote marks, heading marks, bullets, check boxes and the outer bars of a table row off a trimmed line. */
function withoutMarks(line: string): { text: string; item: boolean } {
  let start = 0
  while (line[start] === '>' || (start > 0 && line[start] === ' ')) start += 1
  let text = line.slice(start)
  const item = /^[-*+] /.test(text)
  if (item) text = text.slice(2).trimStart()
  if (/^\[[ xX]\] /.test(text)) text = text.slice(4)
  if (text.startsWith('#')) text = headingText(text)
  if (text.startsWith('|')) text = text.slice(1)
  if (text.endsWith('|')) text = text.slice(0, -1)
  return { text: text.trim(), item }
}

function headingText(line: string): string {
  let start = 0
  let end = line.length
  while (line[start] === '#') start += 1
  if (start > 6 || (start < end && line[start] !== ' ')) return line
  while (end > start && line[end - 1] === '#') end -= 1
  return line.slice(start, end)
}

function codeText(lines: readonly string[]): string {
  if (lines.length > MAX_CODE_LINES) return ''
  return lines
    .filter((line) => line.length <= MAX_CODE_COLUMNS && line.trim() !== '')
    .map((line) => line.trimEnd().replace(ENCODED_WORD, ''))
    .join('\n')
}

/** One space between words, one empty line between paragraphs, no line without a letter or digit. */
function tidyLines(lines: readonly string[]): string {
  const kept: string[] = []
  for (const line of lines) {
    const words = line.replace(ENCODED_WORD, '').split(' ').filter(Boolean).join(' ')
    if (hasWord(words)) kept.push(words)
    else if (words === '' && kept.length > 0 && kept.at(-1) !== '') kept.push('')
  }
  if (kept.at(-1) === '') kept.pop()
  return kept.join('\n')
}

function hasWord(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line)
}
