import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'mocha'
import {
  type ChatMessage,
  type ChatOptions,
  openChatTemplate,
  templateFrom,
} from '../../../worker/engine/files/chat-template.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { BROOK, engineError } from './fixtures.ts'

interface Vectors {
  readonly tokens: Record<string, string>
  readonly templates: Record<string, string>
  readonly cases: readonly {
    readonly template: string
    readonly messages: readonly ChatMessage[]
    readonly options: ChatOptions
    readonly text?: string
    readonly error?: string
  }[]
}

const HELLO = [{ role: 'user', content: 'Hello' }]

describe('chat templates', () => {
  it('are rendered as Transformers renders them', () => {
    const path = new URL('../../vectors/chat-templates.json', import.meta.url)
    const { tokens, templates, cases } = JSON.parse(readFileSync(path, 'utf8')) as Vectors
    ok(cases.length > 20)
    for (const { template, messages, options, text, error } of cases) {
      const { render } = templateFrom(templates[template]!, tokens)
      if (text !== undefined) equal(render(messages, options), text)
      else throws(() => render(messages, options), engineError('bad-chat', new RegExp(error!)))
    }
  })

  it('cannot be told other messages or special tokens by options', () => {
    const { render } = templateFrom('{{ bos_token }}{{ messages[0].content }}', {
      bos_token: '<s>',
    })
    equal(render(HELLO, { bos_token: '!', messages: 'none' }), '<s>Hello')
  })

  it('that come to no end are stopped', () => {
    const deep = '{% for i in range(99999) %}'.repeat(4) + '{% endfor %}'.repeat(4)
    throws(() => templateFrom(deep, {}).render(HELLO), engineError('bad-chat', /500 ms/))
  })

  it('that grow without bounds or are none say so', () => {
    const grows =
      '{% set n = namespace(s="river") %}{% for i in range(64) %}{% set n.s = n.s ~ n.s %}'
    throws(
      () => templateFrom(`${grows}{% endfor %}`, {}).render(HELLO),
      engineError('bad-chat', /./),
    )
    throws(() => templateFrom('{% if %}', {}), engineError('bad-file', /^the chat template/))
  })

  describe('of a folder', () => {
    const folder = testFolder('chat-template')
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
    const rendered = async () => (await openChatTemplate(folder))?.render(HELLO)

    beforeEach(() => {
      removeFolder(folder)
      mkdirSync(folder, { recursive: true })
    })

    after(() => removeFolder(folder))

    it('stand in its config, by themselves or among others, or in a file that comes before', async () => {
      equal(await rendered(), undefined)
      write('tokenizer_config.json', '{"chat_template": null}')
      equal(await rendered(), undefined)
      const bos = { bos_token: { content: '<s>', special: true }, eos_token: null }
      write('tokenizer_config.json', JSON.stringify({ ...bos, chat_template: '{{ bos_token }}A' }))
      equal(await rendered(), '<s>A')
      const several = ['tool_use', 'default'].map((name) => ({ name, template: name }))
      write('tokenizer_config.json', JSON.stringify({ ...bos, chat_template: several }))
      equal(await rendered(), 'default')
      write('chat_template.jinja', '{{ bos_token }}B')
      equal(await rendered(), '<s>B')
    })

    it('are refused where they are no text, or too long', async () => {
      write('tokenizer_config.json', '{"chat_template": 7}')
      await rejects(rendered(), engineError('bad-file', /^tokenizer_config\.json: chat_template/))
      write('chat_template.jinja', 'a'.repeat(1024 * 1024 + 1))
      await rejects(rendered(), engineError('bad-file', /^chat_template\.jinja has 1048577 bytes/))
    })
  })

  it('of the model that ships set what was said one after the other', async () => {
    const template = await openChatTemplate(BROOK)
    const said = ['Rivers run.', 'Where to?', 'The sea'].map((content) => ({
      role: 'user',
      content,
    }))
    deepEqual(template!.render(said), 'Rivers run.\n\nWhere to?\n\nThe sea')
    equal(template!.render(HELLO), 'Hello')
  })
})
