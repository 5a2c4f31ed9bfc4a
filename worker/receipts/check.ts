/**
 * Checks a receipt file, offline: that the receipt stands in a batch which validators endorsed, that everyone signed
 * what it says they did, that the fee was split by the rule, and that the attribution is what the published index gives.
 */
import { Adapter, boundariesOf } from '../../protocol/adapter.ts'
import { Answer } from '../../protocol/answer.ts'
import { attribute, scoringRows } from '../../protocol/attribution.ts'
import { BatchHeader, Endorsement } from '../../protocol/batch.ts'
import { answerCommitment } from '../../protocol/commitment.ts'
import { cutExamples, rowOwners } from '../../protocol/datanet.ts'
import { attributionRoot, indexesRoot } from '../../protocol/evidence.ts'
import { splitFee } from '../../protocol/fee.ts'
import type { Address } from '../../protocol/fields.ts'
import { fromHex, type Hash, toHex } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import { merkleVerify } from '../../protocol/merkle.ts'
import { formatOpen } from '../../protocol/open-amount.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import { recoverAddress } from '../../protocol/signature.ts'
import { digest, hashStruct } from '../../protocol/struct.ts'
import { FineTuneSpec, unitsOf } from '../../protocol/tuning.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { boundariesRoot } from '../../protocol/witness.ts'
import { decodeRows, indexRoot, rowsOf } from '../attribution/influence.ts'
import { citedSpans } from '../attribution/provenance.ts'
import { buildSpanIndex } from '../attribution/span-index.ts'
import { spanRoot } from '../attribution/span-tree.ts'
import { fetchVersion } from '../datanet/publish.ts'
import { isShapedByNobody, SHAPED_BY_NOBODY } from '../effects/answering.ts'
import { tokenizerFrom } from '../engine/files/tokenizer.ts'
import { StorageError } from '../storage/errors.ts'
import type { Archive } from './archive.ts'
import { TOKENIZER_FILES } from './bundle.ts'
import { ReceiptFile } from './file.ts'
import { type Check, checkOpenings } from './openings.ts'
import { domainOf, signed } from './signed.ts'

export interface CheckedReceipt {
  readonly file: ReceiptFile
  readonly checks: readonly Check[]
}

/** @throws StorageError where the file lacks something, or a block is not what its id or another block says */
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
    checkVoucher(file, order),
    { what: 'claim signed by its worker', ok: claimOk, detail: receipt.worker },
    { what: 'votes signed by validators', ok: passed && failed, detail: tally },
    checkOpenings(file),
  ]
}

/** Whether the escrow may pay for it, by the requester's word. */
function checkVoucher({ chainId, feeEscrow, receipt }: ReceiptFile, order?: Job): Check {
  const { requester: payer } = receipt
  const { voucherWei: cumulativeWei = 0n, voucherSignature = '0x' } = order ?? {}
  const promised = digest(Voucher, { payer, cumulativeWei }, { chainId, contract: feeEscrow })
  const ok = recoverAddress(promised, voucherSignature) === payer
  return { what: 'fee vouched for', ok, detail: `${formatOpen(cumulativeWei, 18)} OPEN in all` }
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
    // Whether anybody owned the adapter stands on the chain alone.
    [0n, parts.modelOwnerWei].includes(modelOwnerWei) &&
    contributorsWei === (receipt.adapter === '' ? 0n : parts.contributorsWei)
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
  const { rows, owners, contributions, spanIndex, adapter, indexes } = await readIndexes(
    archive,
    receipt,
  )
  const query = Int8Array.from(answer.query)
  const fits = query.length === adapter.index.width
  const attribution = fits
    ? attribute(scoringRows(rowsOf(rows, query.length), owners), query)
    : SHAPED_BY_NOBODY.attribution
  const same = fits && attributionRoot({ ...answer, attribution }) === receipt.attribution
  const spans = citedSpans(spanIndex, contributions, answer.tokens)
  const spansOk = JSON.stringify(spans) === JSON.stringify(answer.spans)
  const scored = `${owners.length} rows, ${attribution.shares.length} contributors`
  return [
    ...checks,
    ...indexes,
    { what: 'scores recomputed', ok: same, detail: scored },
    { what: 'cited spans found again', ok: spansOk, detail: counted(spans.length, 'span') },
  ]
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

async function checkTuning(
  archive: Archive,
  { receipt, job, claim, ...file }: ReceiptFile,
): Promise<Check[]> {
  const { adapter, spec, indexes } = await readIndexes(archive, receipt)
  const { seals, parent, firstStep, losses, index, spans } = adapter
  const own = boundariesRoot(boundariesOf(adapter))
  const said = [own, indexesRoot(index.root, spans.root), unitsOf(spec, losses.length)]
  const claimed = signed(file, 'claim', claim)?.body
  const isOwn = said.join() === [claimed?.commitment, receipt.attribution, receipt.units].join()
  const about = [adapter.jobId, adapter.spec, parent]
  const ordered = [receipt.jobId, signed(file, 'job', job)?.body.input, receipt.adapter]
  const ok = isOwn && about.join() === ordered.join()
  const before = parent === '' ? '' : `, going on behind step ${firstStep} from ${parent}`
  const detail = `${counted(seals.length, 'segment')} under ${own.slice(0, 18)}…${before}`
  return [{ what: 'training is the one claimed', ok, detail }, ...indexes]
}

/** Both indexes of the adapter that a receipt is about, worked out from the datanet, and who owns its rows. */
async function readIndexes(archive: Archive, receipt: ReceiptFile['receipt']) {
  const cid = receipt.task === 'fine-tune' ? receipt.output : receipt.adapter
  const adapter = await archive.get(Adapter, cid as typeof receipt.output)
  const spec = await archive.get(FineTuneSpec, adapter.spec)
  const { contributions } = await fetchVersion(adapter.datanet, (part) => archive.bytes(part))
  const tokenizer = await readTokenizer(archive, receipt.model)
  const tokens = contributions.map(({ text }) => tokenizer.encode(text))
  const contributors = contributions.map(({ contributor }) => contributor)
  const examples = cutExamples(tokens, contributors, spec, fromHex(adapter.seed))
  const { index } = adapter
  if (index.examples !== examples.length) {
    const said = `${index.examples} rows, its datanet gives ${examples.length} examples`
    throw new StorageError('lies', `The gradient index of adapter ${cid} has ${said}.`)
  }
  const bytes = await archive.file(index.rows, index.examples * index.width)
  const rows = decodeRows(bytes, index.examples, index.width)
  const owners = rowOwners(examples, contributions)
  const root = indexRoot({ ...index, rank: spec.lora.rank }, rows, owners)
  const spanIndex = buildSpanIndex(tokens)
  const influence = {
    what: 'gradient index under its root',
    ok: root === index.root && adapter.base === receipt.model,
    detail: `${index.examples} rows of ${index.width} from ${contributions.length} contributions`,
  }
  const spans = {
    what: 'span index under its root',
    ok: spanRoot(spanIndex) === adapter.spans.root,
    detail: `${adapter.spans.tokens} tokens`,
  }
  return { adapter, spec, rows, owners, contributions, spanIndex, indexes: [influence, spans] }
}

async function readTokenizer(archive: Archive, model: ReceiptFile['receipt']['model']) {
  const manifest = await archive.get(FilesManifest, model)
  const files = new Map<string, Uint8Array>()
  for (const { name, cid, bytes } of manifest.files) {
    if (TOKENIZER_FILES.includes(name)) files.set(name, await archive.file(cid, bytes))
  }
  return tokenizerFrom(files)
}
