import { deepEqual, equal, ok } from 'node:assert/strict'
import { scenario } from '../../sim/scenario.ts'
import { World } from '../../sim/world.ts'

const SIZE = { workers: 2, validators: 4, jobs: 4, workloadMs: 60_000, healMs: 900_000 }
const AWAY_MS = 45_000

/** Three of four post batches whose data is nowhere, while the fourth is away and learns of no job. */
function run(challengeBonds: number) {
  const hiding = { withholdingValidators: 3, challengeBonds, windowMs: 90_000 }
  const world = new World(scenario(5, 'calm', { ...SIZE, ...hiding }))
  const validators = world.nodes.filter(({ options }) => options.role === 'validator')
  const [honest, ...others] = validators.filter(({ options }) => options.manner === 'honest')
  deepEqual(others, [])
  honest!.crash()
  world.clock.after(AWAY_MS, () => honest!.restart())
  return { counters: world.run().counters, chain: world.chain, validators, honest: honest! }
}

describe('batches that two thirds of the stake post and hide', () => {
  it('are taken back, and cost all who signed them, where one validator asks for receipts [D15]', () => {
    const { counters, chain, validators, honest } = run(4)
    ok(counters['withheld']! > 0)
    ok(counters['punished']! >= 3)
    const slashed = new Set(chain.slashes.map(({ node }) => node))
    for (const one of validators) equal(slashed.has(one.address), one !== honest)
  })

  it('become final where nobody does', () => {
    const { counters, chain } = run(0)
    deepEqual([counters['withheld'], chain.slashes], [0, []])
    ok(chain.finalised > 0)
  })
})
