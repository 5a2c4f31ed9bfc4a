/** What a gateway has beyond a node: a base model to offer, orders to write, text to pass on. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { addressOf } from '../../protocol/signature.ts'
import { domainOf } from '../chain/deployment.ts'
import { openTokenizer } from '../engine/files/tokenizer.ts'
import { receiveTokens } from '../network/tokens.ts'
import type { Gateway, Service } from '../service.ts'
import { SHIPPED_MODEL } from '../shipped-model.ts'
import { parseOpen } from '../stake.ts'
import { Orders } from './orders.ts'
import { Texts } from './texts.ts'

/** What a base model consists of; its card lies beside it. */
const MODEL_FILES = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
]

export async function openGateway(service: Service): Promise<Gateway> {
  const { config: settings, runtime, content, key, deployment, peer } = service
  const names = MODEL_FILES.filter((name) => existsSync(join(SHIPPED_MODEL, name)))
  const files = await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(join(SHIPPED_MODEL, name)) })),
  )
  const baseModel = { cid: await content.putFiles(files), name: basename(SHIPPED_MODEL) }
  const texts = new Texts(() => runtime.core.ledger)
  await receiveTokens(peer, (jobId, text, from) => {
    const publicKey = from.publicKey?.raw
    if (publicKey) texts.receive(jobId, text, addressOf(publicKey), Date.now())
  })
  const orders = new Orders({
    runtime,
    content,
    key,
    vouchers: domainOf(deployment, 'feeEscrow'),
    unitWei: {
      inference: parseOpen(settings.bidAnswer),
      'fine-tune': parseOpen(settings.bidTuning),
    },
    providers: () => peer.libp2p.getMultiaddrs().map(String),
  })
  const tokenizer = await openTokenizer(SHIPPED_MODEL)
  const config = JSON.parse(await readFile(join(SHIPPED_MODEL, 'config.json'), 'utf8')) as {
    max_position_embeddings: number
  }
  const promptTokens = (prompt: string): number => tokenizer.encode(prompt).length
  return {
    texts,
    orders,
    baseModel,
    promptTokens,
    promptRoom: (prompt) => config.max_position_embeddings - promptTokens(prompt),
    decode: (tokens) => tokenizer.decode(tokens),
  }
}
