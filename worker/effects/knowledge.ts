/**
 * What this node has fetched and worked out, kept for the next job: base models on disk, datanets, and adapters with
 * both of their indexes. All of it is checked on the way in, so what lies here can be relied on.
 */
import { join } from 'node:path'
import { Adapter } from '../../protocol/adapter.ts'
import { hasTooManyOwners, MAX_SHARES } from '../../protocol/attribution.ts'
import { type Contribution, cutExamples, rowOwners } from '../../protocol/datanet.ts'
import type { Cid } from '../../protocol/fields.ts'
import { fromHex, type Hash } from '../../protocol/hash.ts'
import { FilesManifest, manifestFault } from '../../protocol/manifest.ts'
import { FineTuneSpec, type LoraSpec } from '../../protocol/tuning.ts'
import type { AttributionSource } from '../attribution/check.ts'
import { decodeFeatures, type Features, featuresBytes, widthOf } from '../attribution/features.ts'
import type { ScoringIndex } from '../attribution/influence.ts'
import { fetchVersion, type Version } from '../datanet/publish.ts'
import type { Engine, Model } from '../engine/engine.ts'
import { EngineError } from '../engine/errors.ts'
import { ADAPTER_WEIGHTS_FILE, readAdapter } from '../engine/files/adapters.ts'
import { ADAPTER_CONFIG_FILE } from '../engine/files/peft-config.ts'
import { openTokenizer, type Tokenizer } from '../engine/files/tokenizer.ts'
import { MOST_KEPT } from '../engine/kept.ts'
import { loraLayout } from '../engine/lora.ts'
import type { AdapterReference } from '../engine/serving/adapter-store.ts'
import type { ContentStore } from '../storage/content.ts'
import { Derived } from '../storage/derived.ts'
import { StorageError } from '../storage/errors.ts'
import { ModelFolders, type ModelFoldersOptions } from '../storage/model-folders.ts'
import {
  type CutTexts,
  featureShape,
  type ReadTexts,
  readTexts,
  scoreFeatures,
} from './indexing.ts'
import { TuneJournal } from './tune-journal.ts'

/** Bytes of a base model's files: about 8 B parameters in bf16. */
const MAX_MODEL_BYTES = 20 * 1024 ** 3
const MAX_ADAPTER_BYTES = 1024 ** 3
/** Models that cannot be opened, whose fault is remembered: who orders them again has them fetched no more. */
const MOST_FAULTS = 1024
const MAX_DERIVED_BYTES = 4 * 1024 ** 3
/** By which things are worked out: what lies on disk by others has another name. Raise it with every change of them. */
const RULES = 'rules 1'
/** Features weigh half a GiB at the most; they come over the network once. */
const FEATURES_WAIT_MS = 300_000

export interface Base {
  readonly model: Model
  readonly tokenizer: Tokenizer
}

/** A datanet as one base model reads it. */
export interface Texts extends ReadTexts {
  readonly contributions: readonly Contribution[]
}

/** The same, cut as a spec and a seed ask. */
export interface Corpus extends Texts, CutTexts {}

/** What the gradient index of an adapter follows from. */
export interface Grounds {
  readonly features: Features
  readonly corpus: Corpus
}

export interface KnownAdapter extends Base {
  readonly document: Adapter
  readonly lora: LoraSpec
  readonly theta: Float32Array
  /** By its content id, for serving. */
  readonly reference: AdapterReference
  readonly source: AttributionSource
}

export class Knowledge {
  readonly #content: ContentStore
  readonly #engine: Engine
  readonly #models: ModelFolders
  readonly #derived: Derived
  /** Fine-tunes of this node that are under way. */
  readonly tunes: TuneJournal
  readonly #bases = new Map<string, Promise<Base>>()
  /** Models that have been opened, whatever the shape: their content is sound. */
  readonly #sound = new Set<Cid>()
  readonly #faults = new Map<Cid, EngineError>()
  /** Models that were fetched and not opened yet: what is wrong with one is no fault of this disk. */
  readonly #fresh = new Set<Cid>()
  readonly #datanets = new Map<string, Promise<Version>>()
  readonly #texts = new Map<string, Promise<Texts>>()
  readonly #adapters = new Map<string, Promise<KnownAdapter>>()

  constructor(content: ContentStore, engine: Engine, folder: string, options: ModelFoldersOptions) {
    this.#content = content
    this.#engine = engine
    this.#models = new ModelFolders(folder, options)
    const derived = { limitBytes: MAX_DERIVED_BYTES, log: options.log }
    this.#derived = new Derived(join(folder, 'derived'), derived)
    this.tunes = new TuneJournal(join(folder, 'tunes'))
  }

  /** A base model, opened for adapters of one shape; for jobs without an adapter of any. */
  async base(model: Cid, lora?: LoraSpec, signal: AbortSignal = NEVER): Promise<Base> {
    const key = `${model} ${JSON.stringify(lora)}`
    const base = await remember(this.#bases, key, async () => {
      await this.fetch(model, signal)
      const isNew = this.#fresh.delete(model)
      try {
        return await this.#open(model, this.#models.pathOf(model), lora)
      } catch (error) {
        if (isModelFault(error) && !this.#sound.has(model)) await this.#drop(model, isNew, error)
        throw error
      }
    })
    await this.#models.use(model, this.#atHand())
    return base
  }

  /** Has a base model's files on the disk. `onBytes` is told how many have come, where they are not there yet. */
  async fetch(
    model: Cid,
    signal: AbortSignal,
    onBytes: (bytes: number) => void = () => {},
  ): Promise<void> {
    const fault = this.#faults.get(model)
    if (fault) throw fault
    const isNew = !this.#models.has(model)
    const options = { signal, onProgress: onBytes }
    await this.#content.getFiles(model, this.#models.pathOf(model), MAX_MODEL_BYTES, options)
    if (isNew) this.#fresh.add(model)
  }

  /** True where a model's files are known to be at fault, whoever fetches them. */
  isFaulty(model: Cid): boolean {
    return this.#faults.has(model)
  }

  async #open(model: Cid, folder: string, lora: LoraSpec | undefined): Promise<Base> {
    const [opened, tokenizer] = await Promise.all([
      this.#engine.open(folder, lora),
      openTokenizer(folder),
    ])
    this.#sound.add(model)
    return { model: opened, tokenizer }
  }

  /** Frees the disk of a model that cannot be opened. @param isNew false where a copy from before may just be damaged */
  async #drop(model: Cid, isNew: boolean, fault: EngineError): Promise<void> {
    await this.#models.drop(model)
    if (!isNew) return
    this.#faults.set(model, fault)
    if (this.#faults.size > MOST_FAULTS) this.#faults.delete(this.#faults.keys().next().value!)
  }

  /** Models that are open, or about to be. */
  #atHand(): ReadonlySet<string> {
    return new Set([...this.#bases.keys()].map((key) => key.split(' ')[0]!))
  }

  datanet(cid: Cid, signal: AbortSignal): Promise<Version> {
    return remember(this.#datanets, cid, () =>
      fetchVersion(cid, (part) => this.#content.bytes(part, { signal })),
    )
  }

  /** A datanet in one base model's tokens, with its span index. */
  texts(model: Cid, datanet: Cid, signal: AbortSignal): Promise<Texts> {
    return remember(this.#texts, `${model} ${datanet}`, async () => {
      const { contributions } = await this.datanet(datanet, signal)
      const texts = contributions.map(({ text }) => text)
      await this.fetch(model, signal)
      const read = await this.#derived.of(`${RULES} texts ${model} ${datanet}`, () =>
        readTexts(this.#models.pathOf(model), texts),
      )
      return { contributions, ...read }
    })
  }

  /** The datanet of a spec, cut into the examples that follow from it and the seed. */
  async corpus(model: Cid, spec: FineTuneSpec, seed: Hash, signal: AbortSignal): Promise<Corpus> {
    const texts = await this.texts(model, spec.datanet, signal)
    const owners = texts.contributions.map(({ contributor }) => contributor)
    const examples = cutExamples(texts.tokens, owners, spec, fromHex(seed))
    return { ...texts, examples, owners: rowOwners(examples, texts.contributions) }
  }

  /** The features that an adapter's document publishes, of as many examples as its job gives. */
  async features(
    { index }: Adapter,
    { examples }: CutTexts,
    { model }: Base,
    lora: LoraSpec,
  ): Promise<Features> {
    const shape = featureShape(loraLayout(model.info.config, lora))
    const rows = (count: number, width: number, columns: number): string =>
      `${count} rows of ${width} in ${columns} columns a map`
    const own = rows(examples.length, widthOf(shape), shape.columns)
    const said = rows(index.examples, index.width, index.columns)
    if (said !== own) {
      throw new StorageError('lies', `The gradient index has ${said}; the job gives ${own}.`)
    }
    const size = featuresBytes(shape, index.examples)
    const signal = AbortSignal.timeout(FEATURES_WAIT_MS)
    const bytes = await this.#content.getFile(index.features, size, { signal })
    return decodeFeatures(bytes, shape, index.examples)
  }

  /** Keeps what answers of an adapter are scored by, which this node has worked out otherwise. */
  async keepScoring(adapter: Cid, scoring: ScoringIndex): Promise<void> {
    await this.#derived.of(scoringId(adapter), async () => scoring)
  }

  /** What the index of an adapter follows from. */
  async grounds(cid: Cid, signal: AbortSignal): Promise<Grounds> {
    const document = await this.#content.get(Adapter, cid, { signal })
    const spec = await this.#content.get(FineTuneSpec, document.spec, { signal })
    const corpus = await this.corpus(document.base, spec, document.seed, signal)
    if (hasTooManyOwners(corpus.owners)) {
      const reason = `is trained on the texts of more than ${MAX_SHARES} contributors`
      throw new EngineError('bad-adapter', `Adapter ${cid} ${reason}: no answer could credit them.`)
    }
    const base = await this.base(document.base, spec.lora, signal)
    return { corpus, features: await this.features(document, corpus, base, spec.lora) }
  }

  async adapter(cid: Cid, signal: AbortSignal): Promise<KnownAdapter> {
    const known = await remember(this.#adapters, cid, () => this.#loadAdapter(cid, signal))
    // The model may have been let go of since.
    return { ...known, ...(await this.base(known.document.base, known.lora, signal)) }
  }

  /** Everything is derived from the published features and texts again; the document only says what must come out. */
  async #loadAdapter(cid: Cid, signal: AbortSignal): Promise<KnownAdapter> {
    const document = await this.#content.get(Adapter, cid, { signal })
    const spec = await this.#content.get(FineTuneSpec, document.spec, { signal })
    const base = await this.base(document.base, spec.lora, signal)
    const theta = await this.readTheta(document, base, signal)
    const index = await this.#derived.of(scoringId(cid), async () => {
      const { corpus, features } = await this.grounds(cid, signal)
      const own = await scoreFeatures(features, corpus)
      if (own.root === document.index.root) return own
      throw new StorageError('lies', `The gradient index of adapter ${cid} has another root.`)
    })
    const texts = await this.texts(document.base, spec.datanet, signal)
    const source = { index, spanIndex: texts.spanIndex, contributions: texts.contributions }
    const reference = { id: cid, load: async () => ({ lora: spec.lora, theta }) }
    return { ...base, document, lora: spec.lora, theta, reference, source }
  }

  /** The adapter's flat parameters out of its PEFT files. */
  async readTheta(document: Adapter, { model }: Base, signal: AbortSignal): Promise<Float32Array> {
    const manifest = await this.#content.get(FilesManifest, document.files, { signal })
    const fault = manifestFault(manifest)
    if (fault)
      throw new StorageError('lies', `The adapter's files contradict themselves: ${fault}.`)
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
}

function scoringId(adapter: Cid): string {
  return `${RULES} scoring ${adapter}`
}

const NEVER = new AbortController().signal

/** True where the model's files are at fault, whoever opens them. */
function isModelFault(error: unknown): error is EngineError {
  if (!(error instanceof EngineError)) return false
  return error.code === 'bad-file' || error.code === 'unsupported-model'
}

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
  if (map.size > MOST_KEPT) map.delete(map.keys().next().value!)
  return made
}
