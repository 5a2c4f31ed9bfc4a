import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { describe, it } from 'mocha'
import type { Prompt } from '../../../protocol/answer.ts'
import type { Cid } from '../../../protocol/fields.ts'
import type { MessageOf } from '../../../protocol/message.ts'
import { completionRoutes, logprobsOf } from '../../../worker/api/completions.ts'
import type { Gateway, Service } from '../../../worker/service.ts'
import { council, GATEWAY } from '../../harness/council.ts'
import { cidNumber, keyNumber } from '../../harness/messages.ts'
import { workNumber } from '../../harness/settled.ts'

describe('log-probabilities of a completion', () => {
  it('come in the form that applications know', () => {
    const told = [
      {
        text: ' the',
        logProbability: -0.5,
        likeliest: [
          { text: ' the', logProbability: -0.5 },
          { text: ' a', logProbability: -1.25 },
        ],
      },
      { text: ' river', logProbability: -2, likeliest: [] },
      { text: '.', logProbability: -0.125, likeliest: [] },
    ]
    assert.deepEqual(logprobsOf(told), {
      tokens: [' the', ' river', '.'],
      token_logprobs: [-0.5, -2, -0.125],
      top_logprobs: [{ ' the': -0.5, ' a': -1.25 }, {}, {}],
      text_offset: [0, 4, 10],
    })
  })

  it('are null where none were asked for', () => {
    assert.equal(logprobsOf([]), null)
  })
})

describe('a completion', () => {
  it('is refused where its temperature is so small that nobody could check the draw, and says which are not', async () => {
    // The request is refused before anything else is looked at.
    const routes = completionRoutes({} as Service, {} as Gateway)
    for (const temperature of [-1, 1e-310, 0.0009, 10.5]) {
      const body = JSON.stringify({ model: 'brook-4m', prompt: 'The river', temperature })
      const response = await routes.request('/completions', { method: 'POST', body })
      assert.equal(response.status, 400)
      assert.match(await response.text(), /^temperature: must be 0, .* or from 0\.001 to 10$/)
    }
  })

  const answer = {
    ...{ tokens: [7, 8, 9], text: ' is deep', stop: 'length', spans: [], logProbabilities: [] },
    attribution: { shares: [], decoys: 0, decoySquares: '0' },
  }
  const MODEL = {
    ...{ cid: 'bafy', name: 'brook-4m', contextTokens: 105 },
    tokenizer: { encode: () => [1, 2, 3, 4, 5], decode: () => '' },
  }
  const core = council(GATEWAY)
  const work = workNumber(1)
  const { message } = work.claim as { message: MessageOf<'claim'> }
  const asked: Prompt[] = []
  const ordered: [base: string, adapter: string][] = []
  const record = {
    jobId: work.job.digest,
    job: { deadlineMs: Number.POSITIVE_INFINITY },
    claims: new Map([[work.claim.digest, { claim: message.body, votes: new Map() }]]),
    settled: { batch: 1, index: 0, claim: work.claim.digest },
  }
  const routes = completionRoutes(
    {
      runtime: { core },
      records: { get: () => record },
      content: { get: async () => answer },
    } as unknown as Service,
    {
      models: [MODEL, { ...MODEL, cid: 'bafy-2', name: 'second' }],
      orders: {
        answer: async (model: Cid, adapter: string, prompt: Prompt) => {
          asked.push(prompt)
          ordered.push([model, adapter])
          return work.job.digest
        },
      },
      texts: { listen: () => () => undefined },
    } as unknown as Gateway,
  )
  const ask = (change: object) => {
    const body = JSON.stringify({ model: 'brook-4m', prompt: 'The river', ...change })
    return routes.request('/completions', { method: 'POST', body })
  }
  const USAGE = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }

  it('is asked of the base model that the adapter is of, where the gateway offers that one', async () => {
    const [mine, foreign] = [cidNumber(21), cidNumber(22)]
    core.ledger.models.set(mine, { owner: keyNumber(1).address, base: 'bafy-2' as Cid })
    core.ledger.models.set(foreign, { owner: keyNumber(1).address, base: cidNumber(23) })
    await ask({ model: mine })
    await ask({ model: 'second' })
    await ask({})
    assert.deepEqual(ordered.splice(0), [
      ['bafy-2', mine],
      ['bafy-2', ''],
      ['bafy', ''],
    ])
    const elsewhere = await ask({ model: foreign })
    assert.equal(elsewhere.status, 404)
    assert.match(
      await elsewhere.text(),
      /which this gateway does not offer; start it with --models/,
    )
    assert.equal((await ask({ model: 'third' })).status, 404)
    const { data } = (await (await routes.request('/models')).json()) as {
      data: { id: string; parent?: string }[]
    }
    const parents = data.map(({ id, parent }) => [id, parent])
    assert.deepEqual(parents.slice(0, 3), [
      ['bafy', undefined],
      ['bafy-2', undefined],
      [mine, 'bafy-2'],
    ])
  })

  it('says how many tokens were read and written, also at the end of a stream', async () => {
    const whole = (await (await ask({})).json()) as { usage: object }
    assert.deepEqual(whole.usage, USAGE)
    const events = (await (await ask({ stream: true })).text()).split('\n\n')
    const last = JSON.parse(events.at(-3)!.slice('data: '.length)) as { usage: object }
    assert.deepEqual(last.usage, USAGE)
    assert.equal(events.at(-2), 'data: [DONE]')
  })

  it('tells the job at once, and keeps a stream alive by what clients pass over', async () => {
    const { settled } = record
    Reflect.deleteProperty(record, 'settled')
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      const response = await ask({ stream: true })
      assert.equal(response.headers.get('x-accel-buffering'), 'no')
      mock.timers.tick(15_000)
      const reader = response.body!.getReader()
      const read = async () => new TextDecoder().decode((await reader.read()).value)
      const first = JSON.parse((await read()).slice('data: '.length))
      assert.deepEqual([first.id, first.choices[0].text], [work.job.digest, ''])
      assert.equal(await read(), ': waiting\n\n')
      record.settled = settled
      for (;;) if ((await reader.read()).done) break
    } finally {
      mock.timers.reset()
      record.settled = settled
    }
  })

  it('takes null for what was left out', async () => {
    const nothing = {
      stop: null,
      max_tokens: null,
      temperature: null,
      stream: null,
      logprobs: null,
    }
    assert.equal((await ask({ ...nothing, n: null, suffix: null, user: null })).status, 200)
    assert.deepEqual(asked.at(-1), {
      ...{ text: 'The river', temperature: 0.7, topK: 40, maxTokens: 64 },
      ...{ stop: [], logProbabilities: null },
    })
  })

  it('is refused where it asks for what nobody does, and not done otherwise', async () => {
    assert.equal((await ask({ n: 1, best_of: 1, echo: false, suffix: '' })).status, 200)
    const count = asked.length
    for (const [field, value] of Object.entries({ n: 2, best_of: 3, echo: true, suffix: '.' })) {
      const response = await ask({ [field]: value })
      assert.equal(response.status, 400)
      assert.match(await response.text(), new RegExp(`^${field}: must be`))
    }
    assert.equal(asked.length, count)
  })
})
