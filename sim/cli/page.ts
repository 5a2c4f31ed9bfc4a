/** The report of a study: one page that needs nothing beside itself, and each plot as a file. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Calibration,
  clockWords,
  errorTable,
  readCalibration,
  toldRejections,
} from './calibration-results.ts'
import { kindOf, written } from './figures.ts'
import { SECTIONS, type Value } from './keys.ts'
import { escaped, FONT, type Picture } from './picture.ts'
import { picturesOf } from './plots.ts'
import type { Results } from './results.ts'
import { type Estimate, isClear } from './statistics.ts'

/**
 * @param calibrationFolder where a calibration lies that the page shall tell of; the folder of results itself, without
 * @returns the page's path
 */
export function writeReport(results: Results, calibrationFolder = results.folder): string {
  const pictures = picturesOf(results)
  const plots = join(results.folder, 'plots')
  mkdirSync(plots, { recursive: true })
  for (const { name, svg } of pictures) writeFileSync(join(plots, `${name}.svg`), `${svg}\n`)
  const path = join(results.folder, 'report.html')
  writeFileSync(path, pageOf(results, pictures, readCalibration(calibrationFolder)))
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

/** A page of a calibration alone. */
export function calibrationPage(calibration: Calibration, pictures: readonly Picture[]): string {
  return documentOf('Calibration', [
    `<h1>Calibration${badge(calibration.passed, 'within all bars', 'not within all bars')}</h1>`,
    '<p class="about">The fast model of gossip beside real libp2p nodes in the same network.</p>',
    plotsOf(pictures),
    calibrationSection(calibration),
  ])
}

function pageOf(
  results: Results,
  pictures: readonly Picture[],
  calibration: Calibration | undefined,
): string {
  const { summary, environment } = results
  const { name, about, depth, seeds, arms, runs } = summary
  return documentOf(name, [
    `<h1>${escaped(name)}${badgeOf(results)}</h1><p class="about">${escaped(about)}</p>`,
    `<div class="card"><pre>${escaped(environment.repeat)}</pre><small>depth ${depth} · ${arms.length} ${arms.length === 1 ? 'arm' : 'arms'} × ${seeds.length} seeds = ${runs.length} runs · Node ${escaped(environment.node)} on ${escaped(environment.platform)} · took ${environment.tookSeconds} s</small></div>`,
    verdictsOf(results),
    plotsOf(pictures),
    `<h2>Figures</h2><div class="card">${figuresTable(results)}</div>`,
    differencesSection(results),
    calibration ? calibrationSection(calibration) : '',
    `<h2>Conditions</h2><div class="card"><pre>${escaped(conditionsText(results))}</pre></div>`,
    `<details><summary>Run hashes: the same seed gives the same hash, on any machine</summary><div class="card">${hashesTable(results)}</div></details>`,
  ])
}

function documentOf(title: string, parts: readonly string[]): string {
  const head = [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>`,
  ]
  return `${[...head, ...parts, '</main></body></html>'].join('\n')}\n`
}

function plotsOf(pictures: readonly Picture[]): string {
  const cards = pictures.map(({ svg }) => `<div class="card">${svg}</div>`)
  return `<h2>Plots</h2><div class="plots">${cards.join('\n')}</div>`
}

/** How far the model was off where it could be compared with real nodes. */
function calibrationSection(calibration: Calibration): string {
  const { head, rows } = errorTable(calibration)
  const table = tableOf(
    head,
    rows.map((row) => row.map(escaped)),
  )
  const { nodes, messages, messageBytes, repeat, node } = calibration
  const conditions = `${nodes} nodes with libp2p’s gossipsub, ${messages} messages of ${messageBytes} bytes, ${clockWords(calibration)} · Node ${node}`
  const late = toldRejections(calibration).map((line) => `<p>${escaped(line)}</p>`)
  return `<h2>Error of the model beside real nodes</h2><div class="card"><pre>${escaped(repeat)}</pre>${table}${late.join('')}<small>${escaped(conditions)}</small></div>`
}

function badgeOf({ summary }: Results): string {
  if (summary.verdicts.length === 0) return ''
  return badge(summary.passed, 'as expected', 'not as expected')
}

function badge(isGood: boolean, good: string, bad: string): string {
  const [color, text] = isGood ? ['#00714f', good] : ['#b3261e', bad]
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
