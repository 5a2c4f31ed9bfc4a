import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, describe, it } from 'mocha'
import { random } from '../../../protocol/prng.ts'
import type { JobRecord } from '../../../worker/api/records.ts'
import { whyRepeated } from '../../../worker/api/why.ts'
import { decodeRows, rowsOf } from '../../../worker/attribution/influence.ts'
import { createDoor } from '../../../worker/datanet/contribute.ts'
import { packageTexts } from '../../../worker/datanet/packages.ts'
import type { Service } from '../../../worker/service.ts'
import { keyNumber } from '../../harness/messages.ts'
import { Workshop } from '../../harness/workshop.ts'

const PACKAGES = fileURLToPath(new URL('../../../node_modules', import.meta.url))
const TEXTS = 5
const NEVER = new AbortController().signal
const WORD = /[\p{L}\p{N}]+/gu

/** Documentation of a few packages, as a door takes it. */
async function documentation(): Promise<string[]> {
  const door = createDoor()
  const texts: string[] = []
  for await (const offered of packageTexts(PACKAGES, () => keyNumber(1).address)) {
    if (offered.content.length < 6000 || offered.content.length > 40_000) continue
    const verdict = door.submit(offered)
    if (verdict.accepted) texts.push(verdict.contribution.text)
    if (texts.length === TEXTS) break
  }
  return texts
}

/** The text with every fourth word replaced by any other. */
function reword(text: string, words: readonly string[]): string {
  const source = random(Uint8Array.of(1), 'rewording')
  return text.replace(WORD, (word) =>
    source.below(4) === 0 ? words[source.below(words.length)]! : word,
  )
}

describe('a text that says an earlier one again in other words', () => {
  let shop: Workshop
  let texts: string[]
  let copy: string

  before(async () => {
    texts = await documentation()
    copy = reword(texts[1]!, texts.join(' ').match(WORD)!)
    shop = await Workshop.open([...texts, copy])
  })

  after(() => shop?.close())

  it('passes the door, which goes by its words', () => {
    const door = createDoor()
    for (const [number, text] of [...texts, copy].entries()) {
      const contributor = keyNumber(100 + number).address
      const content = new TextEncoder().encode(text)
      const verdict = door.submit({ contributor, name: `${number}`, licence: 'CC0-1.0', content })
      assert.ok(verdict.accepted, `${number}`)
    }
  })

  it('has no rows in the index, and all others have theirs', async () => {
    const { index } = await shop.adapter()
    const { corpus } = await shop.knowledge.grounds(shop.tuned.output, NEVER)
    const bytes = await shop.content.getFile(index.rows, index.examples * index.width, {
      signal: NEVER,
    })
    const rows = rowsOf(decodeRows(bytes, index.examples, index.width), index.width)
    const isEmpty = (row: Int8Array) => row.every((value) => value === 0)
    const copyist = keyNumber(100 + TEXTS).address
    const paid = corpus.owners.filter((owner) => owner === copyist).length
    assert.ok(paid > 4)
    assert.deepEqual(index.duplicates, [{ contribution: TEXTS, earlier: 1, rows: paid }])
    for (const [i, owner] of corpus.owners.entries()) {
      assert.equal(isEmpty(rows[i]!), owner === copyist, `${i}`)
    }
  })

  it('earns its contributor nothing from an answer, who is told why', async () => {
    const copyist = keyNumber(100 + TEXTS).address
    const { attribution } = await shop.reply()
    const share = attribution.shares.find(({ contributor }) => contributor === copyist)
    assert.deepEqual(share?.parts, [0, 0, 0, 0])
    const service = { content: shop.content } as unknown as Service
    const record = { job: shop.answerJob } as JobRecord
    const [told, ...others] = await whyRepeated(service, record, copyist)
    assert.deepEqual(others, [])
    assert.match(
      told!.says,
      /examples of "text 5" say again what "text 1" by 0x[0-9a-f]{40} has said/,
    )
    const author = keyNumber(101).address
    assert.deepEqual(await whyRepeated(service, record, author), [])
    const ofBase = { job: { ...shop.answerJob, adapter: '' } } as JobRecord
    assert.deepEqual(await whyRepeated(service, ofBase, copyist), [])
  })
})
