/** Makes the receipt file of a settled job: the document from what this node heard and the chain keeps, the blocks from IPFS. */
import { CarWriter } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { Adapter } from '../../protocol/adapter.ts'
import { DatanetManifest } from '../../protocol/datanet.ts'
import { splitOf } from '../../protocol/fee.ts'
import type { Cid } from '../../protocol/fields.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import { merkleProof } from '../../protocol/merkle.ts'
import { receiptLeaf } from '../../protocol/receipt.ts'
import type { JobRecord } from '../api/records.ts'
import { readEndorsements } from '../chain/endorsements.ts'
import type { Service } from '../service.ts'
import type { Content } from '../storage/content.ts'
import { ReceiptFile } from './file.ts'
import { settledReceipts } from './settled-batch.ts'

/** Files of a base model that a checker reads; the weights are not among them. */
export const TOKENIZER_FILES: readonly string[] = ['tokenizer.json', 'tokenizer_config.json']

/** The document; `undefined` while the job is not in a final batch. Throws `ChainError` where the chain cannot be asked. */
export async function bundleReceipt(
  service: Service,
  record: JobRecord,
  signal: AbortSignal,
): Promise<ReceiptFile | undefined> {
  const { runtime, ownerChain, deployment } = service
  const { settled } = record
  const batch = settled && (await settledReceipts(service, settled.batch, signal))
  const claim = settled && record.claims.get(settled.claim)
  if (!batch?.final || !claim) return undefined
  const { header, data } = batch
  const { txHash } = settled
  const { parameters } = runtime.core.ledger
  const receipt = data.receipts[settled.index]
  // The batch was taken back, and another has its number.
  if (receipt?.claim !== settled.claim) return undefined
  const leaves = data.receipts.map(receiptLeaf)
  return {
    chainId: deployment.chainId,
    resultLedger: deployment.addresses.resultLedger,
    feeEscrow: deployment.addresses.feeEscrow,
    receipt,
    header,
    txHash,
    split: splitOf(receipt.task, parameters.valuesAt(parameters.epochAt(record.job.issuedAtMs))),
    index: settled.index,
    siblings: [...merkleProof(leaves, settled.index).siblings],
    endorsements: await readEndorsements(ownerChain, txHash, signal),
    job: record.envelope.bytes,
    claim: claim.envelope.bytes,
    votes: [...claim.votes.values()].map(({ bytes }) => bytes),
    openings: [...claim.openings.values()].map(({ bytes }) => bytes),
  }
}

type Blocks = Pick<Content, 'bytes' | 'get' | 'blocks'>

/** The archive, block by block. */
export async function* archive(
  content: Blocks,
  file: ReceiptFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const root = ReceiptFile.encode(file)
  const { writer, out } = CarWriter.create([CID.parse(root.cid)])
  const seen = new Set<string>()
  const put = async (cid: Cid, bytes: Uint8Array): Promise<void> => {
    if (seen.has(cid)) return
    seen.add(cid)
    await writer.put({ cid: CID.parse(cid), bytes })
  }
  const written = (async () => {
    await put(root.cid, root.bytes)
    for await (const block of evidence(content, file, signal)) await put(block.cid, block.bytes)
    await writer.close()
  })()
  // Where a block cannot be had the archive ends, and whoever reads it is told why.
  written.catch(() => writer.close()).catch(() => undefined)
  for await (const part of out) yield part
  await written
}

/** All blocks that the receipt speaks of. */
async function* evidence(content: Blocks, { receipt }: ReceiptFile, signal: AbortSignal) {
  const block = async (cid: Cid) => ({ cid, bytes: await content.bytes(cid, { signal }) })
  yield await block(receipt.output)
  const adapterCid = receipt.task === 'fine-tune' ? receipt.output : receipt.adapter
  const model = await content.get(FilesManifest, receipt.model, { signal })
  yield await block(receipt.model)
  for (const file of model.files.filter(({ name }) => TOKENIZER_FILES.includes(name))) {
    yield* content.blocks(file.cid, file.bytes, signal)
  }
  if (adapterCid === '') return
  const adapter = await content.get(Adapter, adapterCid, { signal })
  const { index } = adapter
  for (const cid of [adapterCid, adapter.spec, adapter.datanet]) yield await block(cid)
  yield* content.blocks(index.rows, index.examples * index.width, signal)
  const datanet = await content.get(DatanetManifest, adapter.datanet, { signal })
  for (const shard of datanet.shards) yield await block(shard.cid)
}
