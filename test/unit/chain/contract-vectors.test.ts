import { equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { contractVectors, VECTORS } from '../../harness/contract-vectors.ts'

describe('the vectors that contracts and protocol share', () => {
  it('are what protocol gives today', () => {
    equal(
      readFileSync(VECTORS, 'utf8') === contractVectors(),
      true,
      'test/vectors/contracts.json is stale: run `node test/harness/contract-vectors.ts`, then `npm run test:contracts`',
    )
  })
})
