import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { INITIAL_VALUES } from '../../../protocol/parameters.ts'
import { loadConfig } from '../../../worker/config/load.ts'
import { parseOpen } from '../../../worker/stake.ts'

const NEEDED = { rpc: 'http://127.0.0.1:8545', deployment: 'deployment.json' }

describe('the budget for challenges', () => {
  it('is enough for a false claim beside an answer passed unseen, where nobody says otherwise', () => {
    const { challengeBudget } = loadConfig({ flags: NEEDED, environment: {} })
    const bondWei = BigInt(INITIAL_VALUES.challengeBondGwei) * 10n ** 9n
    assert.equal(parseOpen(challengeBudget), 2n * bondWei)
  })

  it('comes by flag and by environment, and may be nothing', () => {
    const environment = { TRIBUTARY_CHALLENGE_BUDGET: '2.5' }
    assert.equal(loadConfig({ flags: NEEDED, environment }).challengeBudget, '2.5')
    const flags = { ...NEEDED, challengeBudget: '0' }
    assert.equal(loadConfig({ flags, environment }).challengeBudget, '0')
    assert.throws(
      () => loadConfig({ flags: { ...NEEDED, challengeBudget: '-1' }, environment: {} }),
      /--challenge-budget is wrong/,
    )
  })
})
