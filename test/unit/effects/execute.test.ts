import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Duty } from '../../../coordinator-free/events.ts'
import type { Job } from '../../../protocol/job.ts'
import { type ExecuteOptions, performExecute } from '../../../worker/effects/execute.ts'
import { EngineError, type EngineErrorCode } from '../../../worker/engine/errors.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { hashNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()

describe('a worker whose engine cannot do a job', () => {
  /** What becomes of a job where the engine says this, of a model that is known to be at fault or not. */
  const outcome = (code: EngineErrorCode, isFaulty = false) => {
    const options = {
      runtime: { dispatch: () => [], core: { ledger: { jobs: new Map() } } },
      knowledge: { isFaulty: () => isFaulty },
      content: { get: () => Promise.reject(new EngineError(code, 'it cannot')) },
      log: createLogger('silent'),
      useAdapter: true,
    }
    const job = { task: 'inference' } as Job
    const duty = { jobId: hashNumber(1), job, states: [] } as unknown as Duty & { kind: 'execute' }
    return performExecute(options as unknown as ExecuteOptions)(duty, signal)
  }

  it('refuses what nobody can do as it is ordered, so that the turn passes on', async () => {
    const reasons = {
      'unsupported-model': 'model',
      'bad-adapter': 'order',
      'bad-input': 'order',
      'not-finite': 'order',
      'over-budget': 'memory',
      busy: 'busy',
    } as const
    for (const [code, reason] of Object.entries(reasons)) {
      const refused = { kind: 'refused', jobId: hashNumber(1), reason }
      assert.deepEqual(await outcome(code as EngineErrorCode), refused, code)
    }
  })

  it('refuses a model whose files are at fault, and tries again where its own copy may be', async () => {
    const refused = { kind: 'refused', jobId: hashNumber(1), reason: 'model' }
    assert.deepEqual(await outcome('bad-file', true), refused)
    await assert.rejects(outcome('bad-file'), { code: 'bad-file' })
  })

  it('tries again what may go well the next time', async () => {
    for (const code of ['thread-lost', 'runtime', 'closed'] as const) {
      await assert.rejects(outcome(code), { code })
    }
  })
})
