import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import type { Result } from '../../../coordinator-free/events.ts'
import { Adapter } from '../../../protocol/adapter.ts'
import { Answer } from '../../../protocol/answer.ts'
import { attributionRoot } from '../../../protocol/evidence.ts'
import { type Hash, keccak, utf8 } from '../../../protocol/hash.ts'
import type { Job } from '../../../protocol/job.ts'
import { checkAnswer } from '../../../worker/effects/check-answer.ts'
import { checkTune } from '../../../worker/effects/check-tune.ts'
import { Archive } from '../../../worker/receipts/archive.ts'
import { checkReceipt } from '../../../worker/receipts/check.ts'
import type { ReceiptFile } from '../../../worker/receipts/file.ts'
import { StorageError } from '../../../worker/storage/errors.ts'
import { GATEWAY, signed } from '../../harness/council.ts'
import { hashNumber } from '../../harness/messages.ts'
import { bundled, receiptFileOf } from '../../harness/receipt-bundle.ts'
import { ANSWER_ID, SEED, TUNE_ID, Workshop } from '../../harness/workshop.ts'

const { signal } = new AbortController()

describe('a receipt file', () => {
  let shop: Workshop
  let bare: Job
  let bareAnswered: Result
  let tuned: Result
  let files: {
    readonly answer: ReceiptFile
    readonly bare: ReceiptFile
    readonly tune: ReceiptFile
  }

  before(async () => {
    shop = await Workshop.open()
    bare = await shop.question('The river', '')
    bareAnswered = await shop.answer(bare)
    const { digest: jobId } = signed({ kind: 'job', body: shop.tuneJob }, GATEWAY)
    tuned = { ...shop.tuned, output: await adapterWith({ jobId }) }
    const trained = [await seenOfTune('a'), await seenOfTune('b')]
    files = {
      answer: await answerFile(shop.answerJob, shop.answered),
      bare: await answerFile(bare, bareAnswered),
      tune: receiptFileOf(shop.tuneJob, tuned, trained),
    }
  })

  after(() => shop?.close())

  async function adapterWith(change: Partial<Adapter>) {
    return shop.content.put(Adapter, { ...(await shop.adapter()), ...change })
  }

  async function seenOfTune(label: string) {
    const options = { signal, seed: SEED, beacon: keccak(utf8(label)) }
    const claim = shop.claim(TUNE_ID, shop.tuned)
    return (await checkTune(shop.knowledge, shop.content, shop.tuneJob, claim, options)).seen
  }

  async function answerFile(job: Job, result: Result): Promise<ReceiptFile> {
    const claim = shop.claim(ANSWER_ID, result)
    const { seen } = await checkAnswer(shop.knowledge, shop.content, job, claim, signal)
    return receiptFileOf(job, result, [seen, seen])
  }

  /** What does not hold; nothing where all does. */
  async function faults(file: ReceiptFile): Promise<string[]> {
    const archive = await Archive.open(await bundled(shop.content, file))
    const { checks } = await checkReceipt(archive)
    return checks.filter((check) => !check.ok).map(({ what }) => what)
  }

  it('holds, of an answer with and without an adapter and of a fine-tune', async () => {
    for (const file of Object.values(files)) deepEqual(await faults(file), [])
  })

  it('does not hold where any field is another', async () => {
    // What the chain alone knows: the parts of those who got nothing, and in which transaction the batch was posted.
    const unseen = ['split.modelOwner', 'txHash']
    for (const [file, nobodys] of [
      [files.answer, unseen],
      [files.tune, [...unseen, 'split.contributors']],
    ] as const) {
      for (const [path, altered] of alterations(file)) {
        const found = await faults(altered as ReceiptFile).catch((error: Error) => [error.name])
        equal(found.length > 0, !nobodys.includes(path), `${path}: ${found}`)
      }
    }
  })

  it('shows what all have signed and what is false nevertheless', async () => {
    const { seals } = await shop.adapter()
    const trained = [await seenOfTune('a')]
    const tune = (change: Partial<Result>): ReceiptFile =>
      receiptFileOf(shop.tuneJob, { ...tuned, ...change }, trained)
    const training = ['training is the one claimed']
    ok(seals.length > 0)
    deepEqual(await faults(tune({ attribution: hashNumber(9) })), training)
    deepEqual(await faults(tune({ units: tuned.units - 1 })), training)
    const { spans } = await shop.adapter()
    const { jobId } = await shop.content.get(Adapter, tuned.output, { signal })
    const other = { ...spans, root: hashNumber(9) }
    const output = await adapterWith({ jobId, spans: other })
    ok((await faults(tune({ output }))).includes('span index under its root'))

    const { receipt } = files.answer
    const unpaid = {
      ...{ ...receipt, contributorsWei: 0n },
      treasuryWei: receipt.treasuryWei + receipt.contributorsWei,
    }
    ok((await faults({ ...files.answer, receipt: unpaid })).includes('fee split by the rule'))

    const { query, attribution, spans: cited } = await shop.reply()
    const praised = { ...(await shop.reply(bareAnswered)), query, attribution, spans: cited }
    const lie = {
      ...bareAnswered,
      output: await shop.content.put(Answer, praised),
      attribution: attributionRoot(praised),
    }
    deepEqual(await faults(receiptFileOf(bare, lie, [await seenOfTune('a')])), ['shaped by nobody'])
  })

  it('says what is wrong with an index that does not fit its datanet, or an answer that does not fit the index', async () => {
    const { index } = await shop.adapter()
    const output = await adapterWith({ index: { ...index, examples: 3 } })
    await rejects(faults(receiptFileOf(shop.tuneJob, { ...tuned, output }, [])), StorageError)
    const short = { ...(await shop.reply()), query: new Uint8Array(5) }
    const result = { ...shop.answered, output: await shop.content.put(Answer, short) }
    const file = receiptFileOf(
      shop.answerJob,
      { ...result, attribution: attributionRoot(short) },
      [],
    )
    ok((await faults(file)).includes('scores recomputed'))
  })
})

/** The file with one of its fields changed, each in turn. */
function* alterations(value: unknown, path = ''): Generator<[path: string, value: unknown]> {
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    for (const [key, held] of Object.entries(value)) {
      for (const [below, changed] of alterations(held, path === '' ? key : `${path}.${key}`)) {
        const copy = Array.isArray(value) ? [...value] : { ...value }
        yield [below, Object.assign(copy, { [key]: changed })]
      }
    }
  } else yield [path, changedBy(value)]
}

function changedBy(value: unknown): unknown {
  if (typeof value === 'bigint') return value + 1n
  if (typeof value === 'number') return value + 1
  if (value instanceof Uint8Array)
    return value.with(value.length >> 1, value[value.length >> 1]! ^ 1)
  if (value === 'inference') return 'fine-tune'
  if (value === 'fine-tune') return 'inference'
  const text = `${value}`
  return text.startsWith('0x')
    ? (text.replace(/.$/, (last) => (last === '1' ? '2' : '1')) as Hash)
    : `${text}q`
}
