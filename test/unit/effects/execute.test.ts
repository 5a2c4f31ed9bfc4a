import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import type { Duty } from '../../../coordinator-free/events.ts'
import { Answer } from '../../../protocol/answer.ts'
import type { Job } from '../../../protocol/job.ts'
import { type ExecuteOptions, performExecute } from '../../../worker/effects/execute.ts'
import { EngineError, type EngineErrorCode } from '../../../worker/engine/errors.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { jobEnvelope } from '../../harness/council.ts'
import { hashNumber } from '../../harness/messages.ts'

const { signal } = new AbortController()

describe('a worker whose engine cannot do a job', () => {
  /** What becomes of a job where the engine says this, of a model that is known to be at fault or not. */
  const outcome = (code: EngineErrorCode, isFaulty = false) => {
    const options = {
      runtime: { dispatch: () => [], core: { ledger: { jobs: new Map() } } },
      knowledge: { isFaulty: () => isFaulty, fetch: async () => {} },
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

  it('gets on while it fetches the model, so that it keeps its turn', async () => {
    const beats: [done: number, total: number][] = []
    const options = {
      runtime: {
        dispatch: ({ done, total }: { done: number; total: number }) => beats.push([done, total]),
        core: { ledger: { jobs: new Map() } },
      },
      knowledge: {
        isFaulty: () => false,
        fetch: async (_model: string, _signal: AbortSignal, onBytes: (bytes: number) => void) => {
          for (const mib of [0.5, 1, 1.5, 40]) onBytes(mib * 2 ** 20)
        },
      },
      content: { get: () => Promise.reject(new EngineError('busy', 'later')) },
      log: createLogger('silent'),
    }
    const job = { task: 'inference' } as Job
    const duty = { jobId: hashNumber(1), job, states: [] } as unknown as Duty & { kind: 'execute' }
    await performExecute(options as unknown as ExecuteOptions)(duty, signal)
    assert.deepEqual(beats, [
      [1, 0],
      [1, 0],
      [2, 0],
      [40, 0],
    ])
  })

  it('refuses to write a text that no answer holds, as some vocabularies make it', async () => {
    const tokenizer = {
      ...{ encode: () => [1], decode: () => ' '.repeat(70_000), stopTokens: [] },
      stream: () => ({ push: () => '', end: () => '' }),
    }
    const generated = { tokens: [1], stop: 'length', hidden: new Float32Array(1) }
    const model = { info: { config: { width: 1 } }, generate: async () => generated }
    const options = {
      runtime: { dispatch: () => [], core: { ledger: { jobs: new Map() } } },
      knowledge: {
        ...{ isFaulty: () => false, fetch: async () => {} },
        base: async () => ({ model, tokenizer }),
      },
      content: {
        get: async () => ({ text: 'Indent', stop: [] }),
        put: async (_: unknown, answer: Answer) => Answer.encode(answer).cid,
      },
      log: createLogger('silent'),
      useAdapter: true,
    }
    const job = { task: 'inference', adapter: '' } as Job
    const duty = { jobId: hashNumber(1), job, states: [] } as unknown as Duty & { kind: 'execute' }
    const refused = { kind: 'refused', jobId: hashNumber(1), reason: 'order' }
    assert.deepEqual(
      await performExecute(options as unknown as ExecuteOptions)(duty, signal),
      refused,
    )
  })

  it('keeps no outcome back where whoever ordered the job takes no text', async () => {
    const envelope = jobEnvelope(1)
    let asked = 0
    const options = {
      runtime: { core: { ledger: { jobs: new Map([[envelope.digest, { envelope }]]) } } },
      knowledge: { isFaulty: () => false, fetch: async () => {} },
      content: { get: () => Promise.reject(new EngineError('busy', 'later')) },
      peer: {
        libp2p: {
          dialProtocol: () => {
            asked += 1
            return new Promise(() => {})
          },
        },
      },
      log: createLogger('silent'),
    }
    const { digest: jobId } = envelope
    const duty = { jobId, job: envelope.message.body, states: [] } as unknown as Duty & {
      kind: 'execute'
    }
    const performed = performExecute(options as unknown as ExecuteOptions)(duty, signal)
    assert.deepEqual(await performed, { kind: 'refused', jobId, reason: 'busy' })
    assert.equal(asked, 1)
  })

  it('tries again what may go well the next time', async () => {
    for (const code of ['thread-lost', 'runtime', 'closed'] as const) {
      await assert.rejects(outcome(code), { code })
    }
  })
})
