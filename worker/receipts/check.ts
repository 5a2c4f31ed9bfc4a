/**
 * Checks a receipt file, offline: that the receipt stands in a batch which validators endorsed, that everyone signed
 * what it says they did, that the fee was split by the rule, and that the attribution is what the published index gives.
 */
import { Adapter, boundariesOf } from '../../protocol/adapter.ts'
import { Answer } from '../../protocol/answer.ts'
import { attribute } from '../../protocol/attribution.ts'
import { BatchHeader, Endorsement } from '../../protocol/batch.ts'
import { answerCommitment } from '../../protocol/commitment.ts'
import { cutExamples, rowOwners } from '../../protocol/datanet.ts'
import { attributionRoot } from '../../protocol/evidence.ts'
import { splitFee } from '../../protocol/fee.ts'
import type { Address } from '../../protocol/fields.ts'
import { fromHex, type Hash, toHex } from '../../protocol/hash.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import { merkleVerify } from '../../protocol/merkle.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import { recoverAddress } from '../../protocol/signature.ts'
import { digest, hashStruct } from '../../protocol/struct.ts'
import { FineTuneSpec } from '../../protocol/tuning.ts'
import { boundariesRoot } from '../../protocol/witness.ts'
import { decodeRows, indexRoot, rowsOf } from '../attribution/influence.ts'
import { citedSpans } from '../attribution/provenance.ts'
import { buildSpanIndex } from '../attribution/span-index.ts'
import { spanRoot } from '../attribution/span-tree.ts'
import { fetchVersion } from '../datanet/publish.ts'
import { isShapedByNobody } from '../effects/answering.ts'
import { blockWidth } from '../effects/indexing.ts'
import { tokenizerFrom } from '../engine/files/tokenizer.ts'
import type { Archive } from './archive.ts'
import { TOKENIZER_FILES } from './bundle.ts'
import { ReceiptFile } from './file.ts'
import { type Check, checkOpenings } from './openings.ts'
import { domainOf, signed } from './signed.ts'

export interface CheckedReceipt {
  readonly file: ReceiptFile
  readonly checks: readonly Check[]
}

/** @throws StorageError where the file lacks something or a block is not what its id names */
export async function checkReceipt(archive: Archive): Promise<CheckedReceipt> {
  const file = await archive.get(ReceiptFile, archive.root)
  const checks = [
    checkPlace(file),
    checkEndorsements(file),
    ...checkMessages(file),
    checkSplit(file),
  ]
  if (file.receipt.task === 'inference') checks.push(...(await checkAnswer(archive, file)))
  else checks.push(...(await checkTuning(archive, file)))
  return { file, checks }
}

function checkPlace({ receipt, header, index, siblings }: ReceiptFile): Check {
  const { receiptsRoot, receiptCount, number } = header
  const ok = merkleVerify(receiptsRoot, receiptCount, receiptLeaf(receipt), { index, siblings })
  const detail = `receipt ${index + 1} of ${receiptCount} in batch ${number}`
  return { what: 'stands under the batch root', ok, detail }
}

function checkEndorsements({ header, endorsements, ...file }: ReceiptFile): Check {
  const hash = toHex(hashStruct(BatchHeader, header)) as Hash
  const good = endorsements.filter(({ validator, signature }) => {
    const signed = digest(Endorsement, { validator, header: hash }, domainOf(file))
    return recoverAddress(signed, signature) === validator
  })
  const signers = new Set(good.map(({ validator }) => validator))
  const ok = signers.size > 0 && signers.size === endorsements.length
  return { what: 'batch endorsed', ok, detail: `${signers.size} validators' signatures hold` }
}

/** The signed messages, and that the receipt repeats them rightly. */
function checkMessages(file: ReceiptFile): Check[] {
  const { receipt } = file
  const job = signed(file, 'job', file.job)
  const claim = signed(file, 'claim', file.claim)
  const votes = file.votes.map((bytes) => signed(file, 'vote', bytes))
  const { body: order } = job ?? {}
  const jobOk =
    order !== undefined &&
    job?.digest === receipt.jobId &&
    [order.requester, order.task, order.model, order.adapter].join() ===
      [receipt.requester, receipt.task, receipt.model, receipt.adapter].join()
  const result = claim?.body
  const claimOk =
    result !== undefined &&
    claim?.digest === receipt.claim &&
    [result.jobId, result.worker, result.output, result.attribution, result.units].join() ===
      [receipt.jobId, receipt.worker, receipt.output, receipt.attribution, receipt.units].join()
  const cast = (verdict: string): Address[] =>
    votes.flatMap((vote) =>
      vote?.body.claim === receipt.claim && vote.body.verdict === verdict
        ? [vote.body.validator]
        : [],
    )
  const passed = receipt.passedBy.every((validator) => cast('pass').includes(validator))
  const failed = receipt.failedBy.every((validator) => cast('fail').includes(validator))
  const tally = `${receipt.passedBy.length} pass, ${receipt.failedBy.length} fail`
  return [
    { what: 'job signed by its requester', ok: jobOk, detail: receipt.requester },
    { what: 'claim signed by its worker', ok: claimOk, detail: receipt.worker },
    { what: 'votes signed by validators', ok: passed && failed, detail: tally },
    checkOpenings(file),
  ]
}

function checkSplit({ receipt, split, job: bytes, ...file }: ReceiptFile): Check {
  const job = signed(file, 'job', bytes)?.body
  const feeWei = job ? BigInt(Math.min(receipt.units, job.maxUnits)) * job.unitWei : -1n
  const parts = splitFee(feeWei < 0n ? 0n : feeWei, split)
  const { workerWei, validatorsWei, modelOwnerWei, contributorsWei, stakersWei } = receipt
  const given = [workerWei, validatorsWei, modelOwnerWei, contributorsWei, stakersWei]
  const sum = given.reduce((total, wei) => total + wei, receipt.treasuryWei)
  const ok =
    receipt.feeWei === feeWei &&
    sum === feeWei &&
    workerWei === parts.workerWei &&
    validatorsWei === parts.validatorsWei &&
    stakersWei === parts.stakersWei &&
    [0n, parts.modelOwnerWei].includes(modelOwnerWei) &&
    [0n, parts.contributorsWei].includes(contributorsWei)
  return {
    what: 'fee split by the rule',
    ok,
    detail: `${receipt.units} units, ${formatOpen(receipt.feeWei, 18)} OPEN`,
  }
}

async function checkAnswer(
  archive: Archive,
  { receipt, claim, ...file }: ReceiptFile,
): Promise<Check[]> {
  const answer = await archive.get(Answer, receipt.output)
  const committed = signed(file, 'claim', claim)?.body.commitment
  const own = answerCommitment(answer.tokens, answer.sketches)
  const checks: Check[] = [
    {
      what: 'answer is the one claimed',
      ok: own === committed && answer.tokens.length === receipt.units,
      detail: `${answer.tokens.length} tokens under ${own.slice(0, 18)}…`,
    },
  ]
  if (receipt.adapter === '') {
    const ok = isShapedByNobody(answer) && attributionRoot(answer) === receipt.attribution
    const detail = 'a base model has no contributors'
    return [...checks, { what: 'shaped by nobody', ok, detail }]
  }
  const { rows, owners, contributions, tokens, adapter, indexOk } = await readIndex(
    archive,
    receipt,
  )
  const query = Int8Array.from(new Int8Array(Uint8Array.from(answer.query).buffer))
  const attribution = attribute(rowsOf(rows, adapter.index.width), owners, query)
  const same = attributionRoot({ ...answer, attribution }) === receipt.attribution
  const spanIndex = buildSpanIndex(tokens)
  const spans = citedSpans(spanIndex, contributions, answer.tokens)
  const spansOk =
    spanRoot(spanIndex) === adapter.spans.root &&
    JSON.stringify(spans) === JSON.stringify(answer.spans)
  const scored = `${owners.length} integer dot products, ${attribution.shares.length} contributors`
  return [
    ...checks,
    indexOk,
    { what: 'scores recomputed', ok: same, detail: scored },
    { what: 'cited spans found again', ok: spansOk, detail: counted(spans.length, 'span') },
  ]
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

async function checkTuning(archive: Archive, { claim, ...file }: ReceiptFile): Promise<Check[]> {
  const { adapter, indexOk } = await readIndex(archive, file.receipt)
  const own = boundariesRoot(boundariesOf(adapter))
  const isOwn = own === signed(file, 'claim', claim)?.body.commitment
  const { seals, parent, firstStep } = adapter
  const ok = isOwn && parent === file.receipt.adapter
  const before = parent === '' ? '' : `, going on behind step ${firstStep} from ${parent}`
  const detail = `${counted(seals.length, 'segment')} under ${own.slice(0, 18)}…${before}`
  return [{ what: 'training is the one claimed', ok, detail }, indexOk]
}

/** The gradient index of the adapter that a receipt is about, and who owns its rows. */
async function readIndex(archive: Archive, receipt: ReceiptFile['receipt']) {
  const cid = receipt.task === 'fine-tune' ? receipt.output : receipt.adapter
  const adapter = await archive.get(Adapter, cid as typeof receipt.output)
  const spec = await archive.get(FineTuneSpec, adapter.spec)
  const { contributions } = await fetchVersion(adapter.datanet, (part) => archive.bytes(part))
  const tokenizer = await readTokenizer(archive, receipt.model)
  const tokens = contributions.map(({ text }) => tokenizer.encode(text))
  const contributors = contributions.map(({ contributor }) => contributor)
  const examples = cutExamples(tokens, contributors, spec, fromHex(adapter.seed))
  const { index } = adapter
  const bytes = await archive.file(index.rows, index.examples * index.width)
  const rows = decodeRows(bytes, index.examples, index.width)
  const owners = rowOwners(examples, contributions)
  const root = indexRoot({ ...index, blockWidth: blockWidth(spec.lora) }, rows, owners)
  const ok = root === index.root && examples.length === index.examples
  const detail = `${index.examples} rows of ${index.width} from ${contributions.length} contributions`
  const indexOk = { what: 'gradient index under its root', ok, detail }
  return {
    adapter,
    rows,
    owners,
    contributions,
    tokens,
    indexOk,
  }
}

async function readTokenizer(archive: Archive, model: ReceiptFile['receipt']['model']) {
  const manifest = await archive.get(FilesManifest, model)
  const files = new Map<string, Uint8Array>()
  for (const { name, cid, bytes } of manifest.files) {
    if (TOKENIZER_FILES.includes(name)) files.set(name, await archive.file(cid, bytes))
  }
  return tokenizerFrom(files)
}
