import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'mocha'
import { armsOf } from '../../sim/cli/arms.ts'
import { budgetOf } from '../../sim/cli/budget.ts'
import { ordersOf, runOrder } from '../../sim/cli/runner.ts'
import { readScenario } from '../../sim/cli/scenario-file.ts'
import { summarise } from '../../sim/cli/summary.ts'

const FOLDER = join(import.meta.dirname, '../../sim/scenarios')

describe('the scenarios that ship', () => {
  for (const file of readdirSync(FOLDER).sort()) {
    it(`${file} comes out as it expects, in its quick version`, () => {
      const study = readScenario(join(FOLDER, file), true)
      assert.ok(study.expect.length > 0)
      const arms = armsOf(study)
      const outcomes = ordersOf(study, arms).map((order) => runOrder(order))
      const { verdicts } = summarise(study, arms, outcomes)
      const missed = verdicts.filter(({ held }) => !held).map(({ text }) => text)
      assert.deepEqual(missed, [], `repeat: npm run sim -- run sim/scenarios/${file} --small`)
    })

    it(`${file} can run in full`, () => {
      const study = readScenario(join(FOLDER, file))
      assert.ok(study.about.length > 0)
      const limits = { threads: 2, mostHours: 1, memoryBytes: 4 * 2 ** 30 }
      assert.ok(budgetOf(study, armsOf(study), limits).runs >= 20)
    })
  }
})
