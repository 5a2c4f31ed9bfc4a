/** The report of a study: one page that needs nothing beside itself, and each plot as a file. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kindOf, written } from './figures.ts'
import { SECTIONS, type Value } from './keys.ts'
import { escaped, FONT, type Picture } from './picture.ts'
import { picturesOf } from './plots.ts'
import type { Results } from './results.ts'
import { type Estimate, isClear } from './statistics.ts'

/** @returns the page's path */
export function writeReport(results: Results): string {
  const pictures = picturesOf(results)
  const plots = join(results.folder, 'plots')
  mkdirSync(plots, { recursive: true })
  for (const { name, svg } of pictures) writeFileSync(join(plots, `${name}.svg`), `${svg}\n`)
  const path = join(results.folder, 'report.html')
  writeFileSync(path, pageOf(results, pictures))
  return path
}

const STYLE = `
:root { color-scheme: light; --ink: #1b2733; --faint: #5d6b78; --line: #dde3e8; --good: #00714f; --bad: #b3261e; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 15px/1.5 ${FONT}; }
main { max-width: 1592px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 36px 0 12px; }
.about { font-size: 17px; max-width: 46em; margin: 0 0 16px; color: var(--faint); }
.card { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; overflow-x: auto; }
.plots { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 620px), 1fr)); }
.plots .card { padding: 8px; } .plots svg { width: 100%; height: auto; display: block; }
.verdicts { list-style: none; margin: 0; padding: 0; columns: 2 34em; } .verdicts li { padding: 1px 0; break-inside: avoid; }
.held::before { content: '✓ '; color: var(--good); font-weight: 700; } .missed::before { content: '✗ '; color: var(--bad); font-weight: 700; }
.badge { display: inline-block; padding: 2px 10px; border-radius: 99px; color: #fff; font-size: 13px; font-weight: 600; vertical-align: middle; margin-left: 10px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 5px 14px 5px 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--faint); font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
tr:last-child td { border-bottom: 0; } small { color: var(--faint); }
code, pre { font: 13px/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; } pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--faint); }
`

function pageOf(results: Results, pictures: readonly Picture[]): string {
  const { summary, environment } = results
  const { name, about, depth, seeds, arms, runs } = summary
  const parts = [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>${escaped(name)}</title><style>${STYLE}</style></head><body><main>`,
    `<h1>${escaped(name)}${badgeOf(results)}</h1><p class="about">${escaped(about)}</p>`,
    `<div class="card"><pre>${escaped(environment.repeat)}</pre><small>depth ${depth} · ${arms.length} ${arms.length === 1 ? 'arm' : 'arms'} × ${seeds.length} seeds = ${runs.length} runs · Node ${escaped(environment.node)} on ${escaped(environment.platform)} · took ${environment.tookSeconds} s</small></div>`,
    verdictsOf(results),
    `<h2>Plots</h2><div class="plots">${pictures.map(({ svg }) => `<div class="card">${svg}</div>`).join('\n')}</div>`,
    `<h2>Figures</h2><div class="card">${figuresTable(results)}</div>`,
    differencesSection(results),
    `<h2>Conditions</h2><div class="card"><pre>${escaped(conditionsText(results))}</pre></div>`,
    `<details><summary>Run hashes: the same seed gives the same hash, on any machine</summary><div class="card">${hashesTable(results)}</div></details>`,
    '</main></body></html>',
  ]
  return `${parts.join('\n')}\n`
}

function badgeOf({ summary }: Results): string {
  if (summary.verdicts.length === 0) return ''
  const [color, text] = summary.passed ? ['#00714f', 'as expected'] : ['#b3261e', 'not as expected']
  return `<span class="badge" style="background:${color}">${text}</span>`
}

function verdictsOf({ summary }: Results): string {
  if (summary.verdicts.length === 0) return ''
  const items = summary.verdicts.map(
    ({ text, held }) => `<li class="${held ? 'held' : 'missed'}">${escaped(text)}</li>`,
  )
  return `<h2>Expected</h2><div class="card"><ul class="verdicts">${items.join('')}</ul></div>`
}

function figuresTable({ summary }: Results): string {
  const { arms, depth } = summary
  const names = Object.keys(arms[0]?.figures ?? {}).filter((name) =>
    arms.some(({ figures }) => figures[name]!.mean !== 0),
  )
  const rows = names.map((name) => [
    `${escaped(kindOf(depth, name).title)} <small>${escaped(kindOf(depth, name).unit)}</small>`,
    ...arms.map(({ figures }) => cellOf(figures[name]!)),
  ])
  return `${tableOf(['', ...arms.map(({ label }) => escaped(label))], rows)}<small>Mean over seeds ± half of the 95 % interval.</small>`
}

function cellOf({ mean, high, count }: Estimate): string {
  return count < 2 ? written(mean) : `${written(mean)} <small>± ${written(high - mean)}</small>`
}

function differencesSection({ summary }: Results): string {
  const [first, ...others] = summary.arms
  if (!first || others.length === 0) return ''
  const names = Object.keys(first.figures).filter((name) =>
    others.some(({ differences }) => differences[name]?.mean),
  )
  const rows = names.map((name) => [
    `${escaped(kindOf(summary.depth, name).title)} <small>${escaped(kindOf(summary.depth, name).unit)}</small>`,
    ...others.map(({ differences }) => differenceCell(differences[name])),
  ])
  const head = ['', ...others.map(({ label }) => escaped(label))]
  return `<h2>Difference from ${escaped(first.label)}, seed by seed</h2><div class="card">${tableOf(head, rows)}<small>Mean of paired differences with its 95 % interval; in bold what chance does not explain.</small></div>`
}

function differenceCell(difference: Estimate | undefined): string {
  if (!difference) return '–'
  const { mean, low, high } = difference
  const text = `${mean > 0 ? '+' : ''}${written(mean)}`
  return `${isClear(difference) ? `<b>${text}</b>` : text} <small>[${written(low)}, ${written(high)}]</small>`
}

function conditionsText({ study }: Results): string {
  const lines = SECTIONS.map((section) => {
    const pairs = Object.entries(study.settings[section]).map(
      ([key, value]) => `${key} ${textOf(value)}`,
    )
    return `${section.padEnd(13)}${pairs.join(', ') || 'as the depth has it'}`
  })
  const swept = Object.entries(study.sweep).map(
    ([key, values]) => `${'sweep'.padEnd(13)}${key}: ${values.map(textOf).join(' | ')}`,
  )
  return [...lines, ...swept].join('\n')
}

function textOf(value: Value): string {
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value)
}

function hashesTable({ summary }: Results): string {
  const rows = summary.runs.map(({ arm, seed, hash }) => [
    escaped(summary.arms[arm]!.label || '–'),
    String(seed),
    `<code>${escaped(hash)}</code>`,
  ])
  return tableOf(['arm', 'seed', 'hash'], rows)
}

/** @param rows cells that are HTML already */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`
}
