/**
 * Reads the held-out text with a finished model and lets it write a little: the figures of the model card.
 * node_modules/.bin/node models/train/evaluate.ts --model DIR --data DIR
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { createEngine } from '../../worker/engine/engine.ts'
import { openTokenizer } from '../../worker/engine/files/tokenizer.ts'

const PROMPTS = [
  '# A new way to',
  '## Abstract\n\nThis proposal',
  'The Python interpreter',
  '# Token',
]
const SAMPLER = { temperature: 0.7, topK: 40 }
const SAMPLE_TOKENS = 120

const { values } = parseArgs({ options: { model: { type: 'string' }, data: { type: 'string' } } })
const directory = values.model ?? fail('--model DIR is missing')
const data = values.data ?? fail('--data DIR is missing')

await using engine = createEngine({ threads: 1 })
const model = await engine.open(directory, { rank: 1, alpha: 1, targets: ['q'] })
const tokenizer = await openTokenizer(directory)
const bytes = new Uint8Array(readFileSync(join(data, 'held-out.u16')))
const heldOut = new Uint16Array(bytes.buffer)
const characters = readFileSync(join(data, 'held-out.txt'), 'utf8').length

for (const length of [256, 512]) {
  const examples: Int32Array[] = []
  for (let start = 0; start + length <= heldOut.length; start += length) {
    examples.push(Int32Array.from(heldOut.subarray(start, start + length)))
  }
  const losses = await model.loss({ examples })
  const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length
  const bits = (loss * heldOut.length) / Math.LN2 / characters
  say(
    `windows of ${length}: held-out loss ${loss.toFixed(3)} nats a token, ` +
      `perplexity ${Math.exp(loss).toFixed(1)}, ${bits.toFixed(3)} bits a character`,
  )
}
for (const prompt of PROMPTS) {
  const { tokens } = await model.generate({
    prompt: [0, ...tokenizer.encode(prompt)],
    maxTokens: SAMPLE_TOKENS,
    seed: keccak(utf8(prompt)),
    sampler: SAMPLER,
    stopTokens: [0],
  })
  say(`---\n${prompt}${tokenizer.decode(tokens)}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}
