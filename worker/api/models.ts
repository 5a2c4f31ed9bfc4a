/** The models that a gateway takes orders for: its base models, and adapters of theirs that the registry knows. */
import { type Address, type Cid, cid } from '../../protocol/fields.ts'
import type { Gateway, Service } from '../service.ts'
import { RequestError } from './errors.ts'
import type { OfferedModel } from './offered-models.ts'

type Models = Gateway['models']

/** In OpenAI's form: base models that this gateway offers, then adapters, the newest last. */
export function listModels({ runtime }: Service, { models }: Gateway) {
  const adapters = [...runtime.core.ledger.models].map(([id, registered]) => {
    return viewAdapter(models, id, registered)
  })
  return [...models.map(viewBase), ...adapters]
}

/** One of them, by content id or name. @throws RequestError 404 */
export function oneModel({ runtime }: Service, { models }: Gateway, model: string) {
  const base = offered(models, model)
  if (base) return viewBase(base)
  const registered = runtime.core.ledger.models.get(model as Cid)
  if (registered) return viewAdapter(models, model as Cid, registered)
  throw unknownModel(model)
}

function viewBase({ cid: id, name, chat, createdMs }: OfferedModel) {
  const created = Math.floor(createdMs / 1000)
  return { id, object: 'model', created, owned_by: 'tributary', name, chat: chat !== undefined }
}

function viewAdapter(models: Models, id: Cid, { owner, base }: { owner: Address; base: Cid }) {
  const chat = offered(models, base)?.chat !== undefined
  // Strict clients need a time; the chain's log tells none.
  return { id, object: 'model', created: 0, owned_by: owner, parent: base, chat }
}

function offered(models: Models, id: string): OfferedModel | undefined {
  return models.find(({ cid, name }) => id === cid || id === name)
}

/** What an order asks for, by content id or name. @throws RequestError 404 where this gateway cannot take it */
export function modelAsked(
  { runtime }: Service,
  gateway: Gateway,
  model: string,
): { readonly base: OfferedModel; readonly adapter: Cid | '' } {
  const base = offered(gateway.models, model)
  if (base) return { base, adapter: '' }
  const registered = runtime.core.ledger.models.get(model as Cid)
  if (!registered) throw unknownModel(model)
  const under = offered(gateway.models, registered.base)
  if (under) return { base: under, adapter: model as Cid }
  throw noModel(
    `Adapter ${model} is of base model ${registered.base}, which this gateway does not offer; start it with --models and its folder.`,
  )
}

/** The base model of a fine-tune: any by its content id, what the gateway offers by name, too. @throws RequestError 404 */
export function baseAsked({ models }: Gateway, model: string | undefined): Cid {
  const offered = model === undefined ? models[0] : models.find(({ name }) => name === model)
  if (offered) return offered.cid
  const id = cid.safeParse(model)
  if (id.success) return id.data
  const names = models.map(({ name }) => name).join(', ')
  throw noModel(`model: ${model} is no content id, nor the name of a base model here: ${names}.`)
}

function unknownModel(model: string): RequestError {
  return noModel(`There is no model ${model}; GET /v1/models lists those that are registered.`)
}

function noModel(message: string): RequestError {
  return new RequestError(404, message, { param: 'model', code: 'model_not_found' })
}
