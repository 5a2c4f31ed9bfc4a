/** The models that a gateway takes orders for: its base models, and adapters of theirs that the registry knows. */
import { HTTPException } from 'hono/http-exception'
import { type Cid, cid } from '../../protocol/fields.ts'
import type { Gateway, Service } from '../service.ts'
import type { OfferedModel } from './offered-models.ts'

/** In OpenAI's form: base models that this gateway offers, then adapters, the newest last. */
export function listModels({ runtime }: Service, { models }: Gateway) {
  const chats = (base: Cid) => models.find(({ cid }) => cid === base)?.chat !== undefined
  const adapters = [...runtime.core.ledger.models].map(([id, { owner, base }]) => ({
    ...{ id, object: 'model', owned_by: owner, parent: base, chat: chats(base) },
  }))
  const bases = models.map(({ cid: id, name }) => ({
    ...{ id, object: 'model', owned_by: 'tributary', name, chat: chats(id) },
  }))
  return [...bases, ...adapters]
}

/** What an order asks for, by content id or name. @throws HTTPException 404 where this gateway cannot take it */
export function modelAsked(
  { runtime }: Service,
  gateway: Gateway,
  model: string,
): { readonly base: OfferedModel; readonly adapter: Cid | '' } {
  const offered = (id: string) => gateway.models.find(({ cid, name }) => id === cid || id === name)
  const base = offered(model)
  if (base) return { base, adapter: '' }
  const registered = runtime.core.ledger.models.get(model as Cid)
  if (!registered) {
    throw new HTTPException(404, {
      message: `There is no model ${model}; GET /v1/models lists those that are registered.`,
    })
  }
  const under = offered(registered.base)
  if (under) return { base: under, adapter: model as Cid }
  throw new HTTPException(404, {
    message: `Adapter ${model} is of base model ${registered.base}, which this gateway does not offer; start it with --models and its folder.`,
  })
}

/** The base model of a fine-tune: any by its content id, what the gateway offers by name, too. @throws HTTPException 404 */
export function baseAsked({ models }: Gateway, model: string | undefined): Cid {
  const offered = model === undefined ? models[0] : models.find(({ name }) => name === model)
  if (offered) return offered.cid
  const id = cid.safeParse(model)
  if (id.success) return id.data
  const names = models.map(({ name }) => name).join(', ')
  throw new HTTPException(404, {
    message: `model: ${model} is no content id, nor the name of a base model here: ${names}.`,
  })
}
