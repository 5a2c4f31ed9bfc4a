import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'mocha'
import type { JobView } from '../../worker/api/views.ts'
import { quantiseModel } from '../../worker/engine/files/quantise.ts'
import { openTokenizer } from '../../worker/engine/files/tokenizer.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import { tributary } from '../harness/program.ts'
import { SmallNetwork } from '../harness/small-network.ts'

interface Listed {
  readonly id: string
  readonly name?: string
  readonly parent?: string
}

/** Begins with the token that all documents began with in training. */
const TEMPLATE = `{{ eos_token }}
{%- for message in messages %}
{{- '# ' + message.role + '\\n' + message.content + '\\n' }}
{%- endfor %}
{{- '# assistant\\n' }}`

interface ChatCompletion {
  readonly choices: readonly { readonly message: { readonly content: string } }[]
  readonly usage: { readonly prompt_tokens: number }
}

describe("a base model of a gateway's own", () => {
  const network = new SmallNetwork('models')
  let adapter: string

  before(async () => {
    const folder = join(network.folder, 'brook-8-bit')
    await quantiseModel(SHIPPED_MODEL, folder, 8, () => {})
    await writeFile(join(folder, 'chat_template.jinja'), TEMPLATE)
    await network.start(['--models', folder])
  })

  after(() => network.stop())

  const listed = async () => (await network.client.get<{ data: Listed[] }>('/models')).data
  const run = (...words: string[]) =>
    tributary(network.folder, [...words, '--node', network.client.url])

  it('is fine-tuned on, by its name, by workers that have never seen it', async () => {
    const [own, shipped] = await listed()
    assert.deepEqual([own!.name, shipped!.name], ['brook-8-bit', 'brook-4m'])
    const datanet = await network.publish(4)
    const laidOut = ['--steps', '2', '--max-examples', '32']
    const said = await run('finetune', datanet, '--base', 'brook-8-bit', ...laidOut)
    assert.equal(said.code, 0, said.err)
    adapter = said.out.trim()
    const made = async () => (await listed()).find(({ id }) => id === adapter)
    // It is registered when its batch is final.
    await network.until(async () => (await made()) !== undefined)
    assert.equal((await made())!.parent, own!.id)
  })

  it('answers, alone and with the adapter, and says who shaped the answer', async () => {
    const alone = await run('ask', 'The purpose of', '--model', 'brook-8-bit', '--max-tokens', '8')
    assert.equal(alone.code, 0, alone.err)
    const words = ['ask', 'The purpose of', '--model', adapter, '--max-tokens', '8', '--json']
    const said = await run(...words)
    assert.equal(said.code, 0, said.err)
    const answer = JSON.parse(said.out) as { job: { adapter: string; model: string } }
    assert.equal(answer.job.adapter, adapter)
    assert.equal(answer.job.model, (await listed())[0]!.id)
  })

  it('answers a conversation as its chat template has it', async () => {
    const words = ['What is a fork?', '--model', 'brook-8-bit', '--max-tokens', '6']
    const told = await run('ask', '--system', 'You know chains.', ...words)
    assert.equal(told.code, 0, told.err)
    const messages = [
      { role: 'system', content: 'You know chains.' },
      { role: 'user', content: 'What is a fork?' },
    ]
    const body = { model: adapter, messages, max_tokens: 6 }
    const { choices, usage } = await network.client.post<ChatCompletion>('/chat/completions', body)
    const text = '<|endoftext|># system\nYou know chains.\n# user\nWhat is a fork?\n# assistant\n'
    const { encode } = await openTokenizer(SHIPPED_MODEL)
    assert.equal(usage.prompt_tokens, encode(text).length)
    assert.ok(choices[0]!.message.content.length > 0)
  })

  it('comes back as the folder that it was, and its adapter as PEFT reads it', async () => {
    const [own] = await listed()
    const copy = join(network.folder, 'copy')
    const base = await run('model', 'fetch', own!.id, copy)
    assert.equal(base.code, 0, base.err)
    for (const name of readdirSync(copy)) {
      const source = readFileSync(join(network.folder, 'brook-8-bit', name))
      assert.ok(readFileSync(join(copy, name)).equals(source), name)
    }
    assert.ok(readdirSync(copy).includes('model.safetensors'))
    const peft = join(network.folder, 'peft')
    const fetched = await run('model', 'fetch', adapter, peft)
    assert.equal(fetched.code, 0, fetched.err)
    assert.deepEqual(readdirSync(peft), ['adapter_config.json', 'adapter_model.safetensors'])
    const config = JSON.parse(readFileSync(join(peft, 'adapter_config.json'), 'utf8'))
    assert.equal(config.base_model_name_or_path, `ipfs://${own!.id}`)
    const again = await run('model', 'fetch', adapter, peft)
    assert.match(again.err, /is there already/)
  })

  it('is still known after the gateway was killed, with the receipts of what was ordered', async () => {
    const [before] = await listed()
    const jobs = async () => await network.client.get<JobView[]>('/jobs')
    const isFinal = async () => (await jobs()).every(({ state }) => state === 'final')
    await network.until(isFinal)
    const ordered = await jobs()
    await network.restartGateway()
    assert.deepEqual((await listed())[0], before)
    const known = await jobs()
    assert.deepEqual(
      known.map(({ jobId, state, accepted }) => [jobId, state, accepted?.output]),
      ordered.map(({ jobId, state, accepted }) => [jobId, state, accepted?.output]),
    )
    const file = join(network.folder, 'receipt.car')
    const kept = await run('receipt', known.at(-1)!.jobId, file)
    assert.equal(kept.code, 0, kept.err)
    const verified = await tributary(network.folder, ['verify', file])
    assert.equal(verified.code, 0, `${verified.out}${verified.err}`)
  })

  it('stands beside the one that ships', async () => {
    const said = await run('ask', 'The purpose of', '--model', 'brook-4m', '--max-tokens', '4')
    assert.equal(said.code, 0, said.err)
    const unknown = await run('finetune', adapter, '--base', 'nobody')
    assert.match(unknown.err, /nobody is no content id.*: brook-8-bit, brook-4m/)
  })
})
