/** What a gateway has beyond a node: base models to offer, orders to write, text to pass on. */
import { domainOf } from '../chain/deployment.ts'
import { receiveTokens } from '../network/tokens.ts'
import type { Gateway, Service } from '../service.ts'
import { parseOpen } from '../stake.ts'
import { openModels, type StoredModel } from './offered-models.ts'
import { Orders } from './orders.ts'
import { Texts } from './texts.ts'

export async function openGateway(
  service: Service,
  models: readonly StoredModel[],
): Promise<Gateway> {
  const { config: settings, runtime, content, key, deployment, peer } = service
  const texts = new Texts(() => runtime.core.ledger)
  await receiveTokens(peer, (worker) => texts.from(worker))
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
  return { texts, orders, models: await openModels(models, service.log) }
}
