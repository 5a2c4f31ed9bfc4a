/**
 * Builds a node out of its parts and takes it down again. The order matters: the chain is read before the journal is
 * said again, and that before the network is joined, so that a restarted node knows where it stands before it speaks.
 */
import { rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { PeerId } from '@libp2p/interface'
import { Core } from '../coordinator-free/node.ts'
import { type CoreSettings, coreOptionsOf } from '../coordinator-free/recording.ts'
import { openGateway } from './api/gateway.ts'
import { storeModels } from './api/offered-models.ts'
import { rememberOrders } from './api/order-records.ts'
import { serveApi } from './api/serve.ts'
import { configuredBeacon } from './beacon/configured.ts'
import { type ChainClient, connectChain } from './chain/client.ts'
import { type Deployment, domainOf, loadDeployment } from './chain/deployment.ts'
import { ChainError } from './chain/errors.ts'
import { followChain } from './chain/follow.ts'
import { type BlockHash, MinedBlocks } from './chain/mined-blocks.ts'
import type { Config } from './config/schema.ts'
import { Knowledge } from './effects/knowledge.ts'
import { performers } from './effects/performers.ts'
import { prefetchAudited } from './effects/prefetch.ts'
import { createEngine } from './engine/engine.ts'
import { GasPurse } from './gas-purse.ts'
import { keepAcquainted } from './network/acquaint.ts'
import { readAddresses } from './network/address-book.ts'
import { hangUpOnDeaf } from './network/deaf.ts'
import { keepFellows } from './network/fellows.ts'
import { type Gossip, joinGossip, topicsOf } from './network/gossip.ts'
import { type Peer, startPeer } from './network/peer.ts'
import { askFor, serveReconciliation } from './network/reconcile.ts'
import { type Outside, Runtime } from './runtime.ts'
import type { Service } from './service.ts'
import { SHIPPED_MODEL } from './shipped-model.ts'
import { ensureEscrow, ensureStake, parseOpen } from './stake.ts'
import { Ballots } from './storage/ballots.ts'
import { Content } from './storage/content.ts'
import { Journal } from './storage/journal.ts'
import { type Key, loadKey } from './storage/keys.ts'
import { lockFolder } from './storage/lock.ts'
import { Recorder } from './storage/recorder.ts'
import { Shelf } from './storage/shelf.ts'
import type { Logger } from './telemetry/logger.ts'

export interface RunningNode extends AsyncDisposable {
  readonly service: Service
  /** Address of the HTTP interface. */
  readonly apiUrl: string
  /** Rejects where the node cannot go on; never resolves. */
  readonly failed: Promise<never>
}

/** Written into the data folder when the node is up: how others on this machine find it. */
export const NODE_FILE = 'node.json'

/** @throws ConfigError, ChainError, NetworkError or StorageError, each saying what to do */
export async function startNode(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<RunningNode> {
  const parts = new Parts(log)
  try {
    return await assemble(config, log, signal, parts)
  } catch (error) {
    await parts.close()
    throw error
  }
}

async function assemble(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  parts: Parts,
): Promise<RunningNode> {
  parts.use(lockFolder(config.data))
  const chain = await openChain(config, signal, parts)
  const { deployment, key, owner, ownerChain } = chain
  const { journal, ballots } = openSaid(config, log, parts)
  const core = coreSettings(config, deployment, key)
  const recorder = openRecorder(config, core, log)
  parts.add(() => recorder?.close())
  const createCore = (): Core => new Core(coreOptionsOf(core))
  const { privateKey } = key
  const domain = core.messages
  const runtime = new Runtime({ createCore, journal, privateKey, domain, log, recorder })
  const { records } = parts.use(rememberOrders({ folder: config.data, key, domain, log }))
  runtime.onNews((news) => records.hear(news, Date.now()))
  const stop = new AbortController()
  parts.add(() => stop.abort())
  const following = followChain({
    url: config.rpc,
    deployment,
    folder: config.data,
    runtime,
    log,
    onRewound: () => restore(chain, log, stop.signal),
    signal: stop.signal,
  })
  await Promise.race([following.caughtUp, aborted(signal)])
  restore(chain, log, stop.signal)
  const stakes = { config, key, owner: owner.address, ownerChain, log }
  await ensureStake({ ...stakes, ledger: runtime.core.ledger }, signal)
  await ensureEscrow({ ...stakes, ledger: runtime.core.ledger }, signal)
  const engine = parts.use(
    createEngine({
      threads: config.threads,
      providers: config.providers,
      checkpointing: config.activations === 'recompute',
      onTried: (tried) =>
        tried.refused === undefined
          ? log.info(tried, 'provider draws answers')
          : log.warn(tried, 'provider draws no answers'),
    }),
  )
  const room = { mostBytes: config.storeGib * 2 ** 30, log }
  const shelf = new Shelf(config.data, room)
  const peer = await openPeer(config, key, deployment, shelf, log, parts)
  const content = new Content(peer, shelf, log)
  const gossip = listen(config, peer, deployment, runtime, parts)
  const purse = parts.use(openPurse(config, chain, runtime, log))
  const shared = { config, log, ...chain, runtime, peer, gossip, content, shelf, records, purse }
  const isGateway = config.roles.includes('gateway')
  const folders = [...config.models, ...(isGateway ? [SHIPPED_MODEL] : [])]
  const models = await storeModels(folders, config.data, content, log)
  const gateway = isGateway ? await openGateway(shared, models) : undefined
  const service: Service = gateway ? { ...shared, gateway } : shared
  await serveReconciliation(peer, (from, have) => answerTo(runtime, from, have))
  const knowledge = new Knowledge(content, engine, config.data, room)
  const identity = { self: key.address, owner: owner.address }
  parts.add(prefetchAudited({ runtime, knowledge, self: key.address, log, signal: stop.signal }))
  const beacon = parts.use(configuredBeacon(config, chain.blocks, log))
  const duties = performers({ ...shared, ...identity, knowledge, ballots, beacon })
  runtime.start({ ...outside(peer, gossip, content), performers: duties })
  parts.add(() => runtime.stop())
  const api = parts.use(await serveApi(service))
  await writeNodeFile(service, api.url)
  const about = { node: key.address, roles: config.roles, beacon: config.beacon, api: api.url }
  log.info(about, 'node is up')
  return {
    service,
    apiUrl: api.url,
    failed: following.failed,
    [Symbol.asyncDispose]: () => parts.close(),
  }
}

/** What this node has said. Of a disk that has lost a part of it the operator should hear. */
function openSaid({ data }: Config, log: Logger, parts: Parts) {
  const journal = new Journal(data, Date.now())
  parts.add(() => journal.close())
  const ballots = new Ballots(data, Date.now())
  parts.add(() => ballots.close())
  const { lostBytes } = journal
  if (lostBytes > 0) {
    const silent = 'nothing is claimed or voted on jobs from before'
    log.error({ lostBytes }, `a part of the journal cannot be read: ${silent}. Check the disk`)
  }
  if (ballots.lostBytes > 0) {
    const about = { lostBytes: ballots.lostBytes }
    log.error(about, 'some ballots cannot be read, and will not be revealed. Check the disk')
  }
  return { journal, ballots }
}

/** What was opened, to be closed in reverse order, whatever happens on the way. */
class Parts {
  readonly #closers: (() => unknown)[] = []
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  add(closer: () => unknown): void {
    this.#closers.push(closer)
  }

  use<T extends Disposable | AsyncDisposable>(part: T): T {
    this.add(() =>
      Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose](),
    )
    return part
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) {
      try {
        await closer()
      } catch (error) {
        this.#log.warn({ error }, 'a part did not close cleanly')
      }
    }
  }
}

interface OpenChain {
  readonly deployment: Deployment
  readonly key: Key
  readonly owner: Key
  /** Writes as the node, and as its owner. */
  readonly nodeChain: ChainClient
  readonly ownerChain: ChainClient
  readonly blocks: MinedBlocks
  readonly blockHash: BlockHash
}

async function openChain(config: Config, signal: AbortSignal, parts: Parts): Promise<OpenChain> {
  const deployment = await loadDeployment(config.deployment)
  if (!deployment) {
    const message = `There is no deployment file ${config.deployment}. Name the one of your network with --deployment.`
    throw new ChainError('bad-deployment', message)
  }
  const key = loadKey(config.data, 'node')
  const owner = loadKey(config.data, 'owner')
  const connect = async ({ privateKey }: Key): Promise<ChainClient> => {
    const options = { url: config.rpc, deployment, dataFolder: config.data, privateKey }
    const client = await connectChain(options, signal)
    parts.add(() => client.close())
    return client
  }
  const blocks = parts.use(new MinedBlocks(config.rpc, deployment.chainId))
  return {
    deployment,
    key,
    owner,
    nodeChain: await connect(key),
    ownerChain: await connect(owner),
    blocks,
    blockHash: async (number, signal) => (await blocks.at(number, signal)).hash,
  }
}

function openPurse(config: Config, { key, nodeChain }: OpenChain, runtime: Runtime, log: Logger) {
  const isPosting = config.roles.includes('validator')
  const ledger = () => runtime.core.ledger
  return new GasPurse({ account: key.address, chain: nodeChain, ledger, isPosting, log })
}

/** What of ours the chain has forgotten, or an earlier life has begun, is seen to at once. */
function restore({ nodeChain, ownerChain }: OpenChain, log: Logger, signal: AbortSignal): void {
  for (const chain of [nodeChain, ownerChain]) {
    chain.restore(signal).catch((error: unknown) => {
      if (!signal.aborted) log.warn({ error: (error as Error).message }, 'writes not restored')
    })
  }
}

function coreSettings(config: Config, deployment: Deployment, { address }: Key): CoreSettings {
  return {
    self: address,
    messages: domainOf(deployment, 'resultLedger'),
    vouchers: domainOf(deployment, 'feeEscrow'),
    treasury: deployment.treasury,
    stakers: deployment.addresses.stakeVault,
    parameters: { initial: deployment.parameters, epochSeconds: deployment.epochSeconds },
    terms: {
      leastUnitWei: {
        inference: parseOpen(config.askAnswer),
        'fine-tune': parseOpen(config.askTuning),
      },
      maxJobs: config.maxJobs,
    },
    challengeBudgetWei: parseOpen(config.challengeBudget),
  }
}

function openRecorder(config: Config, core: CoreSettings, log: Logger): Recorder | undefined {
  const { record: file, recordMib, roles } = config
  if (file === '') return undefined
  return Recorder.open({ file, mostBytes: recordMib * 2 ** 20, roles, core, log }, Date.now())
}

async function openPeer(
  config: Config,
  key: Key,
  { chainId }: Deployment,
  shelf: Shelf,
  log: Logger,
  parts: Parts,
): Promise<Peer> {
  const peer = await startPeer({
    privateKey: key.privateKey,
    folder: config.data,
    blocks: shelf,
    listen: config.listen,
    announce: config.announce,
    bootstrap: [...config.bootstrap, ...readAddresses(config.data)],
    topics: Object.values(topicsOf(chainId)),
  })
  parts.add(() => peer.stop())
  parts.add(keepAcquainted(peer, config.data, config.bootstrap, log))
  return peer
}

/** Validators hear each other on a topic of their own besides. */
function listen(
  { roles }: Config,
  peer: Peer,
  { chainId }: Deployment,
  runtime: Runtime,
  parts: Parts,
): Gossip {
  const { everyone, validators } = topicsOf(chainId)
  const topics = roles.includes('validator') ? { everyone, validators } : { everyone }
  const { libp2p } = peer
  const hangUp = (id: PeerId): void => {
    for (const connection of libp2p.getConnections(id)) connection.abort(new Error('of no use'))
  }
  const judge = (bytes: Uint8Array) => runtime.judge(bytes)
  const gossip = joinGossip(libp2p.services.pubsub, topics, judge, hangUp)
  parts.add(() => gossip.stop())
  parts.add(hangUpOnDeaf(libp2p))
  if (topics.validators)
    parts.add(keepFellows(peer, topics.validators, () => gossip.subscribers('validators')))
  return gossip
}

function answerTo(runtime: Runtime, peer: string, have: readonly `0x${string}`[]): Uint8Array[] {
  const effects = runtime.dispatch({ kind: 'asked', peer, have: have as never })
  return effects.flatMap((effect) => (effect.kind === 'answer' ? [...effect.envelopes] : []))
}

/**
 * The network and the store as the runtime uses them. Neighbours are asked in turn, and between two of them a fellow
 * validator, where this node is one: what only these hold is lost otherwise where they are few.
 */
function outside(peer: Peer, gossip: Gossip, content: Content): Omit<Outside, 'performers'> {
  let turn = 0
  return {
    publish: (bytes, to) => gossip.publish(bytes, to),
    keep: (block) => content.keep(block, 'a-month'),
    reconcile: async (have, signal) => {
      const asked = inTurn(turn++, gossip.subscribers(), gossip.subscribers('validators'))
      return asked ? askFor(peer, asked, have, signal) : []
    },
  }
}

/** From both by turns. */
function inTurn(turn: number, all: readonly PeerId[], fellows: readonly PeerId[]) {
  if (fellows.length === 0) return all[turn % Math.max(1, all.length)]
  const [peers, place] = [turn % 2 === 0 ? all : fellows, turn >> 1]
  return peers[place % Math.max(1, peers.length)]
}

async function writeNodeFile({ config, key, owner, peer }: Service, api: string): Promise<void> {
  const about = {
    pid: process.pid,
    node: key.address,
    owner: owner.address,
    roles: config.roles,
    peerId: peer.libp2p.peerId.toString(),
    addresses: peer.libp2p.getMultiaddrs().map(String),
    api,
    rpc: config.rpc,
    deployment: resolve(config.deployment),
  }
  const path = join(config.data, NODE_FILE)
  // Addresses of RPCs have keys in them.
  await writeFile(`${path}.new`, `${JSON.stringify(about, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
