/** Runs the Solidity tests and reports each of them here. They deploy the bytes in `contracts/gen`. */
import { equal, fail } from 'node:assert/strict'
import { test } from '../forge.ts'
import { measuredGas, recordedGas } from '../gas.ts'

const { suites, said } = await test()
const gas = suites && (await measuredGas())

describe('the Solidity tests', () => {
  it('compile and run', () => {
    if (!suites) fail(`forge said: ${said}`)
  })

  for (const [suite, { test_results: results }] of Object.entries(suites ?? {})) {
    describe(suite.split(':')[1] ?? suite, () => {
      for (const [name, { status, reason }] of Object.entries(results)) {
        it(name, () => {
          const again = `FOUNDRY_CONFIG=contracts/foundry.toml forge test --match-test ${name}`
          equal(status, 'Success', `${reason ?? 'it failed'}; again, and in full: ${again}`)
        })
      }
    })
  }

  it('measure the gas that contracts/gas.json says, to the unit', () => {
    const hint = 'where it is meant to have changed, run `npm run contracts:gas` and commit it'
    equal(gas, recordedGas(), hint)
  })
})
