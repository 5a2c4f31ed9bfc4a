import { equal, ok } from 'node:assert/strict'
import { runIndexer } from '../../bench/contracts/indexer.ts'
import { runOutbox } from '../../bench/contracts/outbox.ts'

/** The benchmarks of the same names with less of everything. */
describe('through kill -9', () => {
  const say = (): void => undefined

  it('the outbox loses and doubles no transaction', async () => {
    const trial = { count: 200, senderKills: 3, chainKills: 2, say }
    const { lost, doubled, forgotten } = await runOutbox(trial)
    equal(lost, 0)
    equal(doubled, 0)
    ok(forgotten >= 0)
  })

  it('the indexer loses and doubles no event', async () => {
    const trial = { count: 300, indexerKills: 3, chainKills: 1, reorgs: 2, say }
    const { lost, doubled } = await runIndexer(trial)
    equal(lost, 0)
    equal(doubled, 0)
  })
})
