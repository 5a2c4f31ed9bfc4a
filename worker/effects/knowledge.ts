/**
 * What this node has fetched and worked out, kept for the next job: base models on disk, datanets, and adapters with
 * both of their indexes. All of it is checked on the way in, so what lies here can be relied on.
 */
import { join } from 'node:path'
import { Adapter } from '../../protocol/adapter.ts'
import {
  type Contribution,
  cutExamples,
  type DatanetManifest,
  type Example,
  rowOwners,
} from '../../protocol/datanet.ts'
import type { Address, Cid } from '../../protocol/fields.ts'
import { FilesManifest } from '../../protocol/manifest.ts'
import { FEATURE_WIDTH, FineTuneSpec, type LoraSpec } from '../../protocol/tuning.ts'
import type { AttributionSource } from '../attribution/check.ts'
import { buildIndex, decodeFeatures } from '../attribution/influence.ts'
import { buildSpanIndex } from '../attribution/span-index.ts'
import { readManifest, readVersion } from '../datanet/publish.ts'
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, readAdapter } from '../engine/adapters.ts'
import type { Engine, Model } from '../engine/engine.ts'
import { openTokenizer, type Tokenizer } from '../engine/tokenizer.ts'
import type { Content } from '../storage/content.ts'
import { StorageError } from '../storage/errors.ts'

/** Bytes of a base model's files: about 8 B parameters in bf16. */
const MAX_MODEL_BYTES = 20 * 1024 ** 3
const MAX_ADAPTER_BYTES = 1024 ** 3
/** Adapters, datanets kept in memory; the one used longest ago goes first. */
const KEPT = 4

/** An adapter shape for jobs without an adapter: the graphs need one, and a zero vector is the base model. */
const PLAIN_LORA: LoraSpec = {
  rank: 8,
  alpha: 16,
  targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
}

export interface Base {
  readonly model: Model
  readonly tokenizer: Tokenizer
}

export interface Datanet {
  readonly manifest: DatanetManifest
  readonly contributions: readonly Contribution[]
}

/** A datanet as one base model reads it. */
export interface Corpus extends Datanet {
  /** Tokens of each contribution. */
  readonly tokens: readonly (readonly number[])[]
  readonly examples: readonly Example[]
  readonly owners: readonly (Address | undefined)[]
}

export interface KnownAdapter extends Base {
  readonly document: Adapter
  readonly theta: Float32Array
  readonly source: AttributionSource
}

export class Knowledge {
  readonly #content: Content
  readonly #engine: Engine
  readonly #folder: string
  readonly #bases = new Map<string, Promise<Base>>()
  readonly #datanets = new Map<string, Promise<Datanet>>()
  readonly #adapters = new Map<string, Promise<KnownAdapter>>()

  constructor(content: Content, engine: Engine, folder: string) {
    this.#content = content
    this.#engine = engine
    this.#folder = folder
  }

  /** A base model, opened for adapters of one shape. */
  base(model: Cid, lora: LoraSpec = PLAIN_LORA, signal: AbortSignal = NEVER): Promise<Base> {
    const key = `${model} ${JSON.stringify(lora)}`
    return remember(this.#bases, key, async () => {
      const folder = join(this.#folder, 'models', model)
      await this.#content.getFiles(model, folder, MAX_MODEL_BYTES, { signal })
      const [opened, tokenizer] = await Promise.all([
        this.#engine.open(folder, lora),
        openTokenizer(folder),
      ])
      return { model: opened, tokenizer }
    })
  }

  datanet(cid: Cid, signal: AbortSignal): Promise<Datanet> {
    return remember(this.#datanets, cid, async () => {
      const manifest = readManifest(await this.#content.bytes(cid, { signal }))
      const shards = await Promise.all(
        manifest.shards.map((shard) => this.#content.bytes(shard.cid, { signal })),
      )
      return { manifest, contributions: readVersion(manifest, shards) }
    })
  }

  /** The datanet of a spec, cut into the examples that follow from it. */
  async corpus(
    { datanet, exampleTokens, maxExamples }: FineTuneSpec,
    tokenizer: Tokenizer,
    signal: AbortSignal,
  ): Promise<Corpus> {
    const { manifest, contributions } = await this.datanet(datanet, signal)
    const tokens = contributions.map(({ text }) => tokenizer.encode(text))
    const examples = cutExamples(tokens, exampleTokens, maxExamples)
    return { manifest, contributions, tokens, examples, owners: rowOwners(examples, contributions) }
  }

  adapter(cid: Cid, signal: AbortSignal): Promise<KnownAdapter> {
    return remember(this.#adapters, cid, () => this.#loadAdapter(cid, signal))
  }

  /** Everything is derived from the published features and texts again; the document only says what must come out. */
  async #loadAdapter(cid: Cid, signal: AbortSignal): Promise<KnownAdapter> {
    const document = await this.#content.get(Adapter, cid, { signal })
    const spec = await this.#content.get(FineTuneSpec, document.spec, { signal })
    const base = await this.base(document.base, spec.lora, signal)
    const corpus = await this.corpus(spec, base.tokenizer, signal)
    const theta = await this.readTheta(document, base, signal)
    const features = await this.readFeatures(document, signal)
    const trained = corpus.examples.map(({ heldOut }) => !heldOut)
    const index = buildIndex(features, trained, blockWidth(spec.lora))
    if (index.root !== document.index.root) {
      throw new StorageError('lies', `The gradient index of adapter ${cid} has another root.`)
    }
    const spanIndex = buildSpanIndex(corpus.tokens)
    const { contributions, owners } = corpus
    return { ...base, document, theta, source: { index, owners, spanIndex, contributions } }
  }

  /** The adapter's flat parameters out of its PEFT files. */
  async readTheta(document: Adapter, { model }: Base, signal: AbortSignal): Promise<Float32Array> {
    const manifest = await this.#content.get(FilesManifest, document.files, { signal })
    if (manifest.totalBytes > MAX_ADAPTER_BYTES) {
      throw new StorageError('too-large', `The adapter's files have ${manifest.totalBytes} bytes.`)
    }
    const file = async (name: string): Promise<Uint8Array> => {
      const entry = manifest.files.find((one) => one.name === name)
      if (!entry) throw new StorageError('malformed', `The adapter has no ${name}.`)
      return this.#content.getFile(entry.cid, entry.bytes, { signal })
    }
    const [config, weights] = await Promise.all([
      file(ADAPTER_CONFIG_FILE),
      file(ADAPTER_WEIGHTS_FILE),
    ])
    return readAdapter(model.info.config, { config, weights }).theta
  }

  async readFeatures({ index }: Adapter, signal: AbortSignal): Promise<Float32Array> {
    const { features, examples, width } = index
    const bytes = await this.#content.getFile(features, 4 * examples * width, { signal })
    return decodeFeatures(bytes, examples, width)
  }
}

/** Coordinates of one module in an example's features: a block of the curvature. */
export function blockWidth(lora: LoraSpec): number {
  return 2 * lora.rank * FEATURE_WIDTH
}

const NEVER = new AbortController().signal

/** One attempt serves all who ask meanwhile; a failed one is forgotten, so that the next may succeed. */
function remember<T>(
  map: Map<string, Promise<T>>,
  key: string,
  make: () => Promise<T>,
): Promise<T> {
  const held = map.get(key)
  if (held) {
    map.delete(key)
    map.set(key, held)
    return held
  }
  const made = make()
  map.set(key, made)
  made.catch(() => map.delete(key))
  if (map.size > KEPT) map.delete(map.keys().next().value!)
  return made
}
