/** A picture: a plot with its title, what it shows, its legend and its conditions, as one SVG that stands alone. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

export interface Picture {
  /** Name of its file, without ending. */
  readonly name: string
  readonly title: string
  readonly subtitle: string
  readonly svg: string
}

export interface Legend {
  readonly labels: readonly string[]
  readonly colors: readonly string[]
}

const WIDTH = 760
const HEIGHT = 380
const LEFT = 16
/** About the width of a letter of the legend, in pixels. */
const LETTER = 7.2
const LEGEND_LINE = 22
/** The same of the conditions under a plot. */
const FOOTER_LETTER = 5.7
const FOOTER_LINE = 14

const INK = '#1b2733'
const FAINT = '#5d6b78'
export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

/** Told apart by those who see colours differently, too, and dark enough on white (after Okabe and Ito). */
const DISTINCT = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#b58900',
  '#56b4e9',
  '#5b4b8a',
  '#7f7f7f',
]
/** For values in an order: from bright to dark, and by hue. */
const ORDERED = ['#f2a33a', '#e3674b', '#c13b6f', '#86308f', '#4a2a8f', '#16204f']

export function colorsFor(count: number, areOrdered: boolean): string[] {
  if (!areOrdered || count < 3)
    return Array.from({ length: count }, (_, index) => DISTINCT[index % DISTINCT.length]!)
  return Array.from({ length: count }, (_, index) => {
    const place = Math.round((index / (count - 1)) * (ORDERED.length - 1))
    return ORDERED[place]!
  })
}

interface Draft {
  readonly name: string
  readonly title: string
  readonly subtitle: string
  readonly footer: string
  readonly legend: Legend
  readonly options: Plot.PlotOptions
}

export function draw({ name, title, subtitle, footer, legend, options }: Draft): Picture {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const plot = Plot.plot({
    width: WIDTH,
    height: HEIGHT,
    // Nine letters: -999,999 or 1,000,000.
    marginLeft: 72,
    marginRight: 24,
    marginTop: 32,
    marginBottom: 46,
    style: { fontFamily: FONT, fontSize: '12px', color: INK, background: 'none' },
    document: document as never,
    ...options,
  })
  const rows = legendRows(legend)
  const plotTop = 62 + rows.length * LEGEND_LINE
  const lines = linesOf(footer, Math.floor((WIDTH - 2 * LEFT) / FOOTER_LETTER))
  const height = plotTop + HEIGHT + 12 + lines.length * FOOTER_LINE
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}" font-family="${FONT.replaceAll("'", '')}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="28" font-size="18" font-weight="650" fill="${INK}">${escaped(title)}</text>`,
    `<text x="${LEFT}" y="49" font-size="13" fill="${FAINT}">${escaped(subtitle)}</text>`,
    ...rows,
    nested(String(plot.outerHTML), plotTop),
    ...lines.map((line, index) => {
      const y = plotTop + HEIGHT + 16 + index * FOOTER_LINE
      return `<text x="${LEFT}" y="${y}" font-size="11" fill="${FAINT}">${escaped(line)}</text>`
    }),
    '</svg>',
  ]
  return { name, title, subtitle, svg: parts.join('\n') }
}

/** The plot inside the picture: an SVG of its own, moved down. */
function nested(svg: string, top: number): string {
  const withoutNames = svg.replaceAll('&nbsp;', '\u00a0')
  return withoutNames.replace('<svg ', `<svg x="0" y="${top}" `)
}

/** Breaks a text between words. */
export function linesOf(text: string, letters: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > letters) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** Swatches with their labels, in as many rows as they take. */
function legendRows({ labels, colors }: Legend): string[] {
  if (labels.length < 2) return []
  const rows: string[][] = [[]]
  let x = LEFT
  labels.forEach((label, index) => {
    const width = 30 + label.length * LETTER
    if (x + width > WIDTH && x > LEFT) {
      rows.push([])
      x = LEFT
    }
    const y = 62 + (rows.length - 1) * LEGEND_LINE
    rows
      .at(-1)!
      .push(
        `<rect x="${x}" y="${y}" width="12" height="12" rx="2" fill="${colors[index]}"/>` +
          `<text x="${x + 18}" y="${y + 10.5}" font-size="12" fill="${INK}">${escaped(label)}</text>`,
      )
    x += width
  })
  return rows.map((row) => row.join(''))
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
