import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { describe, it } from 'mocha'
import type { Prompt } from '../../../protocol/answer.ts'
import type { Cid } from '../../../protocol/fields.ts'
import type { MessageOf } from '../../../protocol/message.ts'
import { CHAT_FORM, TEXT_FORM } from '../../../worker/api/completion-forms.ts'
import { completionRoutes } from '../../../worker/api/completions.ts'
import { templateFrom } from '../../../worker/engine/files/chat-template.ts'
import type { Gateway, Service } from '../../../worker/service.ts'
import { council, GATEWAY } from '../../harness/council.ts'
import { cidNumber, keyNumber } from '../../harness/messages.ts'
import { workNumber } from '../../harness/settled.ts'

interface ChatCompletion {
  readonly object: string
  readonly choices: readonly {
    readonly message: { readonly role: string; readonly content: string }
    readonly finish_reason: string
  }[]
  readonly usage: object
}

interface Piece {
  readonly choices: readonly { readonly text?: string; readonly finish_reason: string | null }[]
  readonly usage?: object
  readonly error?: { readonly message: string }
  readonly tributary?: { readonly text: string }
}

/** The pieces of a stream, less its last word. */
function piecesOf(text: string): Piece[] {
  const events = text.split('\n\n').filter((event) => event.startsWith('data: {'))
  return events.map((event) => JSON.parse(event.slice('data: '.length)) as Piece)
}

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
    assert.deepEqual(TEXT_FORM.logprobs(told), {
      tokens: [' the', ' river', '.'],
      token_logprobs: [-0.5, -2, -0.125],
      top_logprobs: [{ ' the': -0.5, ' a': -1.25 }, {}, {}],
      text_offset: [0, 4, 10],
    })
  })

  it('come with the answer to a conversation in the form of those', () => {
    const likeliest = [
      { text: '\ufffd', logProbability: -0.5 },
      { text: ' é', logProbability: -1 },
    ]
    const token = { token: '\ufffd', logprob: -0.5, bytes: null }
    const other = { token: ' é', logprob: -1, bytes: [32, 195, 169] }
    assert.deepEqual(CHAT_FORM.logprobs([{ ...likeliest[0]!, likeliest }]), {
      content: [{ ...token, top_logprobs: [token, other] }],
      refusal: null,
    })
    assert.equal(CHAT_FORM.logprobs([]), null)
  })

  it('are null where none were asked for', () => {
    assert.equal(TEXT_FORM.logprobs([]), null)
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
    ...{ cid: 'bafy', name: 'brook-4m', contextTokens: 105, createdMs: 1_700_000_000_900 },
    tokenizer: { encode: () => [1, 2, 3, 4, 5], decode: () => '' },
  }
  const TEMPLATE = templateFrom(
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}{{ '!' if loud }}{{ raise_exception('too rude') if 'rude' in messages[0].content }}",
    {},
  )
  const core = council(GATEWAY)
  const work = workNumber(1)
  const { message } = work.claim as { message: MessageOf<'claim'> }
  const asked: Prompt[] = []
  let streamed: string[] = []
  const ordered: [base: string, adapter: string][] = []
  const record = {
    jobId: work.job.digest,
    job: { deadlineMs: Number.POSITIVE_INFINITY },
    claims: new Map([[work.claim.digest, { claim: message.body, votes: new Map() }]]),
    settled: { batch: 1, index: 0, claim: work.claim.digest },
  }
  let heard: typeof record | undefined = record
  const routes = completionRoutes(
    {
      runtime: { core },
      records: { get: () => heard },
      content: { get: async () => answer },
    } as unknown as Service,
    {
      models: [MODEL, { ...MODEL, cid: 'bafy-2', name: 'second', chat: TEMPLATE }],
      orders: {
        answer: async (model: Cid, adapter: string, prompt: Prompt) => {
          asked.push(prompt)
          ordered.push([model, adapter])
          return work.job.digest
        },
      },
      texts: {
        listen: (_: unknown, hear: (text: string) => void) => {
          queueMicrotask(() => streamed.forEach(hear))
          return () => undefined
        },
      },
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
      data: { id: string; name?: string; parent?: string; created: number }[]
    }
    for (const model of data) {
      const [byId, byName] = await Promise.all(
        [model.id, model.name ?? model.id].map((id) => routes.request(`/models/${id}`)),
      )
      assert.deepEqual(await byId!.json(), model)
      assert.deepEqual(await byName!.json(), model)
      assert.equal(model.created, model.parent === undefined ? 1_700_000_000 : 0)
    }
    assert.equal((await routes.request('/models/third')).status, 404)
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

  it('says so in a piece of its own where the caller asks for it', async () => {
    const response = await ask({ stream: true, stream_options: { include_usage: true } })
    const pieces = piecesOf(await response.text())
    assert.deepEqual(pieces.at(-1)!.choices, [])
    const usages = pieces.map(({ usage }) => usage)
    assert.deepEqual(usages, [...Array(pieces.length - 1).fill(undefined), USAGE])
    assert.equal(pieces.at(-2)!.choices[0]!.finish_reason, 'length')
  })

  it('is called false at the end of a stream that had another text', async () => {
    try {
      streamed = [' is']
      const [, , last] = piecesOf(await (await ask({ stream: true })).text())
      assert.equal(last!.choices[0]!.text, ' deep')
      streamed = [' is', ' dry']
      const pieces = piecesOf(await (await ask({ stream: true })).text())
      const { error, tributary } = pieces.at(-1)!
      assert.match(error!.message, /not the answer that validators accepted/)
      assert.equal(tributary!.text, ' is deep')
      assert.ok(pieces.every(({ choices }) => !choices?.[0]?.finish_reason))
    } finally {
      streamed = []
    }
  })

  it('is not waited for where there is no record of its job', async () => {
    try {
      heard = undefined
      const response = await ask({})
      assert.equal(response.status, 503)
      assert.match(await response.text(), /There are too many jobs/)
    } finally {
      heard = record
    }
  })

  it('reads the one prompt of a list, and none that is more than a job holds', async () => {
    await ask({ prompt: ['The river'] })
    assert.equal(asked.at(-1)!.text, 'The river')
    for (const prompt of [['a', 'b'], [[1, 2]], []]) {
      assert.match(await (await ask({ prompt })).text(), /^prompt: must be a text .* or a list of/)
    }
    const wide = await ask({ prompt: '河'.repeat(22_000) })
    assert.equal(wide.status, 400)
    assert.match(await wide.text(), /^prompt: .* bytes, more than the 65536 allowed; shorten it/)
  })

  it('is refused unread where its request is larger than any prompt', async () => {
    const response = await ask({ metadata: { text: 'a'.repeat(1024 * 1024) } })
    assert.equal(response.status, 413)
    assert.match(await response.text(), /more than the 1048576 bytes allowed/)
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
      ...{ text: 'The river', addSpecialTokens: true, temperature: 0.7, topK: 40 },
      ...{ maxTokens: 64, stop: [], logProbabilities: null },
    })
  })

  it('is refused where it asks for what nobody does, and not done otherwise', async () => {
    const neutral = {
      ...{ n: 1, best_of: 1, echo: false, suffix: '', top_p: 1, min_p: 0, logit_bias: {} },
      ...{ presence_penalty: 0, frequency_penalty: 0, repetition_penalty: 1, store: false },
      ...{ user: 'u', metadata: { a: 'b' }, seed: 7, temperature: 0 },
    }
    assert.equal((await ask(neutral)).status, 200)
    const count = asked.length
    const wanted = {
      ...{ n: 2, best_of: 3, echo: true, suffix: '.', top_p: 0.9, min_p: 0.1, store: true },
      ...{ presence_penalty: 1, frequency_penalty: -1, repetition_penalty: 1.1, seed: 7 },
      logit_bias: { 5: -100 },
    }
    for (const [field, value] of Object.entries(wanted)) {
      const response = await ask({ [field]: value })
      assert.equal(response.status, 400)
      assert.match(await response.text(), new RegExp(`^${field}: must be`))
    }
    const unknown = await ask({ guided_json: '{}' })
    assert.equal(await unknown.text(), 'guided_json: is no field that is known here')
    assert.equal(asked.length, count)
  })

  describe('of a conversation', () => {
    const USER = { role: 'user', content: 'Hello' }
    const chat = (change: object) => {
      const body = JSON.stringify({ model: 'second', messages: [USER], ...change })
      return routes.request('/chat/completions', { method: 'POST', body })
    }

    it('reads what the template of its model makes of the messages, and nothing more', async () => {
      const parts = [
        { type: 'text', text: 'Hello ' },
        { type: 'text', text: 'again' },
      ]
      const developer = { role: 'developer', content: 'Be brief.' }
      const messages = [developer, USER, { role: 'assistant', content: 'Hi.' }]
      const change = { messages: [...messages, { role: 'user', content: parts }] }
      await chat({ ...change, max_completion_tokens: 9, logprobs: true, top_logprobs: 2 })
      assert.deepEqual(asked.at(-1), {
        text: '[system] Be brief.[user] Hello[assistant] Hi.[user] Hello again',
        ...{ addSpecialTokens: false, temperature: 0.7, topK: 40 },
        ...{ maxTokens: 9, stop: [], logProbabilities: 2 },
      })
      await chat({ chat_template_kwargs: { loud: true }, logprobs: true })
      assert.equal(asked.at(-1)!.text, '[user] Hello!')
      assert.equal(asked.at(-1)!.logProbabilities, 0)
    })

    it('has as much room as is left where the caller does not say', async () => {
      await chat({})
      // A context of 105 tokens, of which the prompt takes 5.
      assert.equal(asked.at(-1)!.maxTokens, 100)
      const response = await chat({ max_tokens: 101 })
      assert.equal(response.status, 400)
      assert.match(await response.text(), /^messages: 5 tokens leave room for 100, not 101;/)
    })

    it('is answered by a message, also piece by piece', async () => {
      const body = (await (await chat({})).json()) as ChatCompletion
      assert.equal(body.object, 'chat.completion')
      const { message, finish_reason: why } = body.choices[0]!
      assert.deepEqual([message.role, message.content, why], ['assistant', ' is deep', 'length'])
      assert.deepEqual(body.usage, USAGE)
      const events = (await (await chat({ stream: true })).text()).split('\n\n')
      assert.equal(events.at(-2), 'data: [DONE]')
      const [first, last] = [events[0]!, events.at(-3)!].map((event) =>
        JSON.parse(event.slice('data: '.length)),
      )
      assert.equal(first.object, 'chat.completion.chunk')
      assert.deepEqual(first.choices[0].delta, { role: 'assistant', content: '' })
      assert.deepEqual(last.choices[0].delta, { content: ' is deep' })
      assert.equal(last.choices[0].finish_reason, 'length')
      assert.deepEqual(last.usage, USAGE)
    })

    it('is refused with the reason where nobody would answer it as it is meant', async () => {
      const count = asked.length
      const refused = [
        [{ messages: [] }, /^messages: /],
        [{ messages: 'Hello' }, /^messages: /],
        [{ messages: [{ role: 'tool', content: '7' }] }, /^messages\.0\.role: /],
        [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, /must be a text/],
        [{ messages: [{ role: 'user', content: 'a'.repeat(32 * 1024) }] }, /come to 32775 char/],
        [{ messages: [{ ...USER, content: 'rude' }] }, /template of second refuses them: too rude/],
        [{ model: 'brook-4m' }, /brook-4m has no chat template.*POST \/v1\/completions/],
        [{ tools: [{ type: 'function' }] }, /^tools.*: must be left out/],
        [{ response_format: { type: 'json_object' } }, /must be text/],
        [{ tool_choice: 'required' }, /^tool_choice: must be none or auto/],
        [{ modalities: ['text', 'audio'] }, /^modalities: must be text alone/],
        [{ top_logprobs: 2 }, /^top_logprobs: needs logprobs/],
        [{ n: 2 }, /^n: must be 1/],
      ] as const
      for (const [change, why] of refused) {
        const response = await chat(change)
        assert.match(await response.text(), why)
        assert.equal(response.status, 400)
      }
      assert.equal(asked.length, count)
    })
  })
})
