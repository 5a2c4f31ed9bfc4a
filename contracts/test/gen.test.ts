import { equal } from 'node:assert/strict'
import { committed, compile } from '../compile.ts'

describe('the generated modules', () => {
  it('are what the compiler makes of the sources today', () => {
    for (const [file, text] of compile()) {
      equal(
        committed(file) === text,
        true,
        `contracts/gen/${file} is stale: run \`npm run contracts:build\` and commit what it writes`,
      )
    }
  })
})
