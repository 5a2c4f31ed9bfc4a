import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { utf8 } from '../../../protocol/hash.ts'
import { promptTokens } from '../../../worker/effects/answering.ts'
import type { Base } from '../../../worker/effects/knowledge.ts'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { openTokenizer, tokenizerFrom } from '../../../worker/engine/files/tokenizer.ts'
import { testFolder } from '../../harness/folders.ts'
import { BROOK, engineError } from './fixtures.ts'

const TEXTS = [
  '',
  'Streams feed a river.',
  '  two spaces,\ttabs\n\n\nand lines  ',
  'naïve café – “quoted” … 東京 🦦 👩‍👩‍👧',
  '```\nfor x in range(10):\n    print(x)\n```',
]

describe('tokenizer', () => {
  it('gives back every text', async () => {
    const tokenizer = await openTokenizer(BROOK)
    for (const text of TEXTS) assert.equal(tokenizer.decode(tokenizer.encode(text)), text)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // The special token's own text is no text.
        fc.pre(!text.includes('<|endoftext|>'))
        assert.equal(tokenizer.decode(tokenizer.encode(text)), text)
      }),
      { numRuns: 200 },
    )
  })

  it('streams the same text without ever splitting a character', async () => {
    const tokenizer = await openTokenizer(BROOK)
    for (const text of TEXTS) {
      const stream = tokenizer.stream()
      const pieces = tokenizer.encode(text).map((token) => stream.push(token))
      assert.ok(
        pieces.every((piece) => !piece.includes('\ufffd')),
        text,
      )
      assert.equal(pieces.join('') + stream.end(), text)
    }
  })

  it('gives up on bytes that are no character, at the latest at the end', async () => {
    const tokenizer = await openTokenizer(BROOK)
    const otter = tokenizer.encode('🦦')
    assert.ok(otter.length > 1, 'the otter takes several tokens')
    const stream = tokenizer.stream()
    assert.equal(stream.push(otter[0]!), '')
    assert.match(stream.end(), /^\ufffd+$/)
    const endless = tokenizer.stream()
    const pieces = new Array(12).fill(otter[1]).map((token) => endless.push(token))
    assert.ok(
      pieces.some((piece) => piece !== ''),
      'output does not wait for ever',
    )
  })

  it('streams whole characters also after broken ones, in whatever pieces they come', async () => {
    const tokenizer = await openTokenizer(BROOK)
    const pieces = tokenizer.encode('🦦 東 é\ufffd')
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 16 }), (tokens) => {
        const stream = tokenizer.stream()
        const streamed = tokens.map((token) => stream.push(token)).join('') + stream.end()
        assert.equal(streamed, tokenizer.decode(tokens))
      }),
      { numRuns: 2000 },
    )
  })

  it('streams what follows a special token as it stands in the whole text', () => {
    // As the files of Llama 2 and Mistral have it: the first space of a text is nobody's.
    const decoders = [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ]
    const vocab = { '<s>': 0, '▁': 1, a: 2, '▁a': 3, '▁▁': 4 }
    const json = {
      model: { type: 'BPE', vocab, merges: [] },
      added_tokens: [{ id: 0, content: '<s>', special: true }],
      ...{ normalizer: null, pre_tokenizer: null, post_processor: null },
      decoder: { type: 'Sequence', decoders },
    }
    const tokenizer = tokenizerFrom(new Map([['tokenizer.json', utf8(JSON.stringify(json))]]))
    assert.equal(tokenizer.decode([0, 3, 0, 3]), 'a a')
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 8 }), (tokens) => {
        const stream = tokenizer.stream()
        const streamed = tokens.map((token) => stream.push(token)).join('') + stream.end()
        assert.equal(streamed, tokenizer.decode(tokens))
      }),
      { numRuns: 2000 },
    )
  })

  it('knows the token that ends a text, and leaves it out of the text', async () => {
    const tokenizer = await openTokenizer(BROOK)
    assert.equal(tokenizer.endOfText, 0)
    assert.equal(tokenizer.decode([0, ...tokenizer.encode('river'), 0]), 'river')
    assert.equal(tokenizer.vocabSize, 4096)
  })

  it('puts around a text what its files say, unless the text has it already', async () => {
    const json = JSON.parse(await readFile(join(BROOK, 'tokenizer.json'), 'utf8'))
    const begin = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } }
    const post_processor = {
      type: 'TemplateProcessing',
      single: [begin, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: {
        '<|endoftext|>': { id: '<|endoftext|>', ids: [0], tokens: ['<|endoftext|>'] },
      },
    }
    const file = utf8(JSON.stringify({ ...json, post_processor }))
    const tokenizer = tokenizerFrom(new Map([['tokenizer.json', file]]))
    const river = (await openTokenizer(BROOK)).encode('river')
    assert.deepEqual(tokenizer.encode('river'), [0, ...river])
    assert.deepEqual(tokenizer.encode('river', { addSpecialTokens: false }), river)
    const base = { tokenizer } as Base
    const asked = { text: '<|endoftext|>river', addSpecialTokens: false }
    assert.deepEqual(promptTokens(base, asked), [0, ...river])
    assert.deepEqual(promptTokens(base, { ...asked, addSpecialTokens: true }), [0, 0, ...river])
  })

  it('knows all tokens that end a text, by whatever file names them', async () => {
    const json = await readFile(join(BROOK, 'tokenizer.json'))
    const open = (files: Record<string, object>) => {
      const others = Object.entries(files).map(
        ([name, file]) => [`${name}.json`, utf8(JSON.stringify(file))] as const,
      )
      return tokenizerFrom(new Map([['tokenizer.json', json], ...others]))
    }
    const named = { tokenizer_config: { eos_token: '<|endoftext|>' } }
    const config = { eos_token_id: 7 }
    assert.deepEqual(open({}).stopTokens, [])
    // As the files of GPT-2 have it.
    const gpt2 = open({ tokenizer_config: { model_max_length: 1024 }, config })
    assert.deepEqual(gpt2.stopTokens, [7])
    assert.equal(gpt2.endOfText, 7)
    const generation_config = { eos_token_id: [8, 0, 9] }
    assert.deepEqual(open({ ...named, config, generation_config }).stopTokens, [0, 8, 9])
    assert.deepEqual(open({ ...named, config, generation_config: {} }).stopTokens, [0, 7])
    assert.throws(
      () => open({ generation_config: { eos_token_id: 'two' } }),
      engineError('bad-file', /generation_config\.json: eos_token_id/),
    )
  })

  it('opens with as many tokens as Llama 3 and Qwen 2 have', async () => {
    const json = JSON.parse(await readFile(join(BROOK, 'tokenizer.json'), 'utf8'))
    for (const vocabSize of [128_256, 151_646]) {
      const vocab = { ...json.model.vocab }
      for (let id = 4096; id < vocabSize; id++) vocab[`token ${id}`] = id
      const file = utf8(JSON.stringify({ ...json, model: { ...json.model, vocab } }))
      const tokenizer = tokenizerFrom(new Map([['tokenizer.json', file]]))
      assert.equal(tokenizer.vocabSize, vocabSize)
      assert.equal(tokenizer.decode(tokenizer.encode('a river')), 'a river')
    }
  })

  it('is refused where its patterns come to no end, and where they are in its decoder', async () => {
    const json = JSON.parse(await readFile(join(BROOK, 'tokenizer.json'), 'utf8'))
    const open = (change: object) =>
      tokenizerFrom(new Map([['tokenizer.json', utf8(JSON.stringify({ ...json, ...change }))]]))
    const pattern = { Regex: '(a+)+b' }
    const split = { type: 'Split', pattern, behavior: 'Isolated', invert: false }
    const endless = open({ pre_tokenizer: split })
    assert.throws(
      () => endless.encode(`${'a'.repeat(60)}c`),
      engineError('unsupported-model', /tokenizer\.json cannot be used: 61 characters took/),
    )
    assert.throws(
      () => open({ decoder: { type: 'Replace', pattern, content: '' } }),
      engineError('bad-file', /decoder: patterns/),
    )
  })

  it('is refused where it has more tokens than the model has rows', async () => {
    const directory = testFolder('engine')
    await cp(BROOK, directory, { recursive: true })
    const path = join(directory, 'tokenizer.json')
    const json = JSON.parse(await readFile(path, 'utf8'))
    json.model.vocab['one too many'] = 4096
    await writeFile(path, JSON.stringify(json))
    await assert.rejects(openBaseModel(directory), engineError('bad-file', /token 4096/))
    await writeFile(path, '{')
    await assert.rejects(openTokenizer(directory), engineError('bad-file', /no JSON/))
    await rm(path)
    await assert.rejects(
      openTokenizer(directory),
      engineError('bad-file', /tokenizer\.json cannot be read/),
    )
    await rm(directory, { recursive: true })
  })
})
