/** The distributions of two folders of results over one another, a picture for each arm and kind. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pairsOf } from './compare.ts'
import { overlay } from './overlay.ts'
import type { Results } from './results.ts'
import { distributionsOf, KINDS } from './study-distributions.ts'

/** @returns the paths of the pictures */
export function drawComparison(before: Results, after: Results, folder: string): string[] {
  mkdirSync(folder, { recursive: true })
  return pairsOf(before, after).flatMap(({ label, arm, otherArm, seeds }) => {
    const others = distributionsOf(after, otherArm, seeds)
    return [...distributionsOf(before, arm, seeds)].flatMap(([kind, distribution]) => {
      const other = others.get(kind)
      if (!other) return []
      const { title, unit } = KINDS[kind]
      const { name, svg } = overlay(
        {
          ...{ name: `${kind}-${arm}`, title, axis: `${title.toLowerCase()} (${unit})` },
          subtitle: `Share at or below, over ${seeds.length} seeds${label === '' ? '' : ` · ${label}`}`,
          footer: `${basename(before.folder)} and ${basename(after.folder)}`,
        },
        [
          { label: `before: ${basename(before.folder)}`, distribution },
          { label: `after: ${basename(after.folder)}`, distribution: other },
        ],
      )
      const path = join(folder, `${name}.svg`)
      writeFileSync(path, `${svg}\n`)
      return [path]
    })
  })
}
