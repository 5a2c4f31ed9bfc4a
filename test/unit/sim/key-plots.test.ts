import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { armsOf } from '../../../sim/cli/arms.ts'
import type { Frame } from '../../../sim/cli/frame.ts'
import { againstKey } from '../../../sim/cli/key-plots.ts'
import type { Results } from '../../../sim/cli/results.ts'
import { parseScenario } from '../../../sim/cli/scenario-file.ts'

const study = parseScenario('name: x\ndepth: protocol\nsweep: { adversaries.idleWorkers: [0, 1] }')

/** What stands at the axis of a figure that has these values in two arms. */
function axisOf(none: number, one: number): string[] {
  const summary = {
    arms: [none, one].map((mean) => ({
      figures: { adversaryGain: { mean, low: mean, high: mean, count: 1 } },
    })),
  }
  const results = { study, arms: armsOf(study), summary } as unknown as Results
  const frame: Frame = {
    ...{ results, shown: [0, 1], footer: '', colorOf: () => 'black' },
    legend: { labels: [], colors: [] },
  }
  const { svg } = againstKey(frame, 'gain', 'Gain', ['adversaryGain'], 'gwei')!
  const [axis = ''] = /y-axis tick label.*?y-axis label.*?<\/g>/s.exec(svg) ?? []
  return [...axis.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text!)
}

describe('figures against a swept key', () => {
  it('have an axis with room for all of its digits', () => {
    for (let digits = 0; digits <= 12; digits++) {
      const labels = axisOf(0, -3.2 * 10 ** digits)
      assert.ok(labels.length > 3 && labels.every((text) => text.length <= 9), labels.join(' '))
      assert.equal(labels.at(-1), digits < 6 ? '↑ gwei' : '↑ OPEN')
    }
  })

  it('have an axis where all of them are nothing', () => {
    assert.deepEqual(axisOf(0, 0).slice(0, 2), ['0.0', '0.1'])
  })
})
