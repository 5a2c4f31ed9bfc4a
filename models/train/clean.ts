/**
 * Turns proposals in reStructuredText (PEPs) and Markdown (EIPs) into plain technical prose with a little Markdown: what
 * a small model can learn. Hard line breaks are joined; long code, tables, dumps, link targets and reference lists go.
 */

/** Longer blocks of code are mostly listings, which a model of four million weights cannot learn anything from. */
const MAX_CODE_LINES = 10
/** Sections that hold no prose. */
const DROPPED_SECTIONS =
  /^(references|footnotes|copyright|references and footnotes|acknowledge?ments?|change ?log|changelog|version history|test vectors|test cases|reference implementation|implementation|appendix.*|citation)$/i

type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'code'; readonly lines: string[] }
  | { readonly kind: 'prose'; readonly text: string }

/** The text of one document: a title line, then paragraphs parted by blank lines. */
export function cleanDocument(title: string, text: string): string {
  const source = text.replaceAll('\r\n', '\n').replaceAll('\t', '    ')
  const blocks = dropSections(
    source.includes('\n===') || source.includes('::\n') ? rest(source) : markdown(source),
  )
  const parts = blocks.map(render).filter((part) => part !== '')
  return `# ${inline(title)}\n\n${parts.join('\n\n')}\n`
}

function render(block: Block): string {
  if (block.kind === 'heading') return `${'#'.repeat(block.level)} ${block.text}`
  if (block.kind === 'prose') return block.text
  return block.lines.length > MAX_CODE_LINES || !isReadable(block.lines.join('\n'))
    ? ''
    : `\`\`\`\n${block.lines.join('\n')}\n\`\`\``
}

function dropSections(blocks: readonly Block[]): Block[] {
  const kept: Block[] = []
  let droppedLevel = Number.POSITIVE_INFINITY
  for (const block of blocks) {
    if (block.kind === 'heading') {
      if (block.level <= droppedLevel) droppedLevel = Number.POSITIVE_INFINITY
      if (DROPPED_SECTIONS.test(block.text) && droppedLevel === Number.POSITIVE_INFINITY)
        droppedLevel = block.level
    }
    if (droppedLevel === Number.POSITIVE_INFINITY) kept.push(block)
  }
  // A heading that lost all that stood under it says nothing.
  return kept.filter((block, index) => {
    const next = kept[index + 1]
    return (
      block.kind !== 'heading' ||
      (next !== undefined && (next.kind !== 'heading' || next.level > block.level))
    )
  })
}

function markdown(source: string): Block[] {
  const blocks: Block[] = []
  let paragraph: string[] = []
  const flush = (): void => {
    pushProse(blocks, paragraph)
    paragraph = []
  }
  const lines = source.replace(/<!--[\s\S]*?-->/g, '').split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const fence = /^\s*(```|~~~)/.exec(line)?.[1]
    const heading = /^(#{1,6})\s+(.*?)#*\s*$/.exec(line)
    if (fence !== undefined) {
      flush()
      const end = lines.findIndex((other, index) => index > i && other.trim().startsWith(fence))
      const last = end < 0 ? lines.length : end
      blocks.push({ kind: 'code', lines: lines.slice(i + 1, last) })
      i = last
    } else if (heading) {
      flush()
      blocks.push({
        kind: 'heading',
        level: Math.max(2, heading[1]!.length),
        text: inline(heading[2]!),
      })
    } else if (line.trim() === '') flush()
    else paragraph.push(line)
  }
  flush()
  return blocks
}

function rest(source: string): Block[] {
  const blocks: Block[] = []
  const levels: string[] = []
  const lines = source.split('\n')
  let paragraph: string[] = []
  const flush = (): void => {
    pushProse(blocks, paragraph)
    paragraph = []
  }
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const next = lines[i + 1] ?? ''
    const overlined = /^ \S/.test(line) && lines[i - 1]?.trimEnd() === next.trimEnd()
    if (isUnderline(next, overlined ? line.trim() : line)) {
      flush()
      const mark = next[0]!
      if (!levels.includes(mark)) levels.push(mark)
      blocks.push({
        kind: 'heading',
        level: Math.min(5, 2 + levels.indexOf(mark)),
        text: inline(line.trim()),
      })
      i++
    } else if (/^\s*\.\. /.test(line)) {
      flush()
      i = directive(blocks, lines, i)
    } else if (line.trim() === '') {
      const opensCode = paragraph.at(-1)?.trimEnd().endsWith('::') === true
      const indent = indentOf(paragraph[0] ?? '')
      flush()
      if (opensCode) i = literal(blocks, lines, i, indent)
    } else if (!/^([=\-~^"'`#*+.:_])\1{3,}\s*$/.test(line)) paragraph.push(line)
  }
  flush()
  return blocks
}

function isUnderline(line: string, above: string): boolean {
  return (
    /^([=\-~^"'`#*+.])\1{2,}\s*$/.test(line) &&
    above.trim() !== '' &&
    !/^\s/.test(above) &&
    !/^([=\-~^"'`#*+.])\1{2,}\s*$/.test(above) &&
    line.trim().length >= above.trim().length - 2
  )
}

/** `.. name::` and its indented body: code is kept, notes become prose, all else goes. Gives the last line's index. */
function directive(blocks: Block[], lines: readonly string[], start: number): number {
  const opening = lines[start]!
  const indent = indentOf(opening)
  const name = /^\s*\.\. ([\w-]+)::/.exec(opening)?.[1] ?? ''
  const body: string[] = []
  let i = start + 1
  for (; i < lines.length && (lines[i]!.trim() === '' || indentOf(lines[i]!) > indent); i++)
    body.push(lines[i]!)
  if (name === 'code-block' || name === 'code' || name === 'sourcecode') {
    pushCode(
      blocks,
      body.filter((line) => !/^\s*:[\w-]+:/.test(line)),
    )
  } else if (['note', 'warning', 'important', 'tip', 'attention'].includes(name)) {
    const first = opening.replace(/^.*?::/, '')
    for (const paragraph of [first, ...body].join('\n').split(/\n\s*\n/))
      pushProse(blocks, paragraph.split('\n'))
  }
  return i - 1
}

/** A literal block, indented deeper than the paragraph that announced it. Gives the last line's index. */
function literal(blocks: Block[], lines: readonly string[], start: number, indent: number): number {
  const body: string[] = []
  let i = start + 1
  for (; i < lines.length && (lines[i]!.trim() === '' || indentOf(lines[i]!) > indent); i++)
    body.push(lines[i]!)
  pushCode(blocks, body)
  return i - 1
}

function pushCode(blocks: Block[], body: readonly string[]): void {
  const text = body
    .join('\n')
    .replace(/^\s*\n/, '')
    .trimEnd()
  if (text === '') return
  const lines = text.split('\n')
  const margin = Math.min(...lines.filter((line) => line.trim() !== '').map(indentOf))
  blocks.push({ kind: 'code', lines: lines.map((line) => line.slice(margin).trimEnd()) })
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

const ITEM = /^\s*([-*+]|\d+[.)]|#\.)\s+/

/** One paragraph, or the items of one list, each on a line of its own. */
function pushProse(blocks: Block[], lines: readonly string[]): void {
  if (lines.length === 0 || isTable(lines)) return
  const items: string[] = []
  for (const line of lines) {
    if (ITEM.test(line) || items.length === 0) items.push(line.trim())
    else items[items.length - 1] += ` ${line.trim()}`
  }
  const text = items
    .map((item) => inline(item.replace(/^[*+]\s+/, '- ').replace(/::$/, ':')))
    .filter((item) => item !== '' && isReadable(item))
    .join('\n')
  if (text !== '') blocks.push({ kind: 'prose', text })
}

function isTable(lines: readonly string[]): boolean {
  const ruled = lines.filter((line) =>
    /^\s*(\||\+[-=+])|^\s*=+( +=+)+\s*$|\|.*\|/.test(line),
  ).length
  return ruled * 2 >= lines.length || /^\s*[=-]+( +[=-]+)+\s*$/.test(lines[0]!)
}

/** Marks, links and dumps within a line. */
function inline(text: string): string {
  return text
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\[([^\]]+)\]\[[^\]]*\]/g, '$1')
    .replace(/:pep:`(?:([^`<]*?)\s*<)?(\d+)[^`]*`/g, (_, words, number) => words || `PEP ${number}`)
    .replace(/:[\w:.-]+:`~?([^`<]*?)(?:\s*<[^>]*>)?`/g, '`$1`')
    .replace(/`([^`<]+?)\s*<[^>`]*>`_{1,2}/g, '$1')
    .replace(/\s*\[#?[\w-]*\]_/g, '')
    .replace(/`([^`]+)`_{1,2}/g, '$1')
    .replace(/``([^`]+)``/g, '`$1`')
    .replace(/<\/?(?:a|img|sup|sub|br|p|div|span|center|table|tr|td|th)\b[^>]*>/gi, '')
    .replace(/<?https?:\/\/[^\s>)]+>?/g, '')
    .replace(/[“”]/g, '"')
    .replace(/[‘’]/g, "'")
    .replace(/[–—‑−]/g, '-')
    .replaceAll('…', '...')
    .replace(/[\u00a0\u202f]/g, ' ')
    .replace(/\\([_*`|\\<>[\]])/g, '$1')
    .replace(/ {2,}/g, ' ')
    .trim()
}

/** False for dumps, numbers and drawings: letters and spaces should make up most of a line. */
function isReadable(text: string): boolean {
  if (/[0-9a-fA-F]{48,}|[A-Za-z0-9+/=]{80,}/.test(text)) return false
  const letters = text.match(/[A-Za-z ]/g)?.length ?? 0
  return letters >= text.length * 0.7
}
