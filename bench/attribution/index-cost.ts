/**
 * What a gradient index costs: to work out, to have at hand again, and to score an answer by. Features are made up: times do not
 * depend on them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from '../../protocol/fields.ts'
import { keccak, utf8 } from '../../protocol/hash.ts'
import { random } from '../../protocol/prng.ts'
import { toRow } from '../../worker/attribution/curvature.ts'
import { emptyFeatures, type Features, widthOf } from '../../worker/attribution/features.ts'
import { attributeAnswer, buildIndex, scoringIndex } from '../../worker/attribution/influence.ts'
import { Derived } from '../../worker/storage/derived.ts'
import { createLogger } from '../../worker/telemetry/logger.ts'
import type { Figure } from '../figure.ts'

const EXAMPLES = 2048
const CONTRIBUTORS = 64
/** Of the shipped base model with every projection adapted. */
const SHAPE = { maps: 16, rank: 8, columns: 128 }
const ANSWERS = 20
const LIMIT_BYTES = 2 ** 30

export async function* indexCost(): AsyncIterable<Figure> {
  const features = someFeatures()
  const owners = Array.from({ length: EXAMPLES }, (_, i) =>
    i % 16 === 15 ? undefined : contributor(i % CONTRIBUTORS),
  )
  const built = await timed(async () =>
    buildIndex(
      features,
      owners,
      owners.map((_, i) => i % CONTRIBUTORS),
    ),
  )
  const note = `${EXAMPLES} of ${widthOf(SHAPE)} numbers, ${CONTRIBUTORS} contributors`
  yield { name: 'index, an example', value: built.ms / EXAMPLES, unit: 'ms', note }
  const scoring = scoringIndex(built.value, owners)
  const folder = await mkdtemp(join(tmpdir(), 'tributary-index-'))
  try {
    const open = () => new Derived(folder, { limitBytes: LIMIT_BYTES, log: createLogger('silent') })
    await open().of('index', async () => scoring)
    const again = await timed(() => open().of('index', () => Promise.reject(new Error('lost'))))
    const ratio = `${(built.ms / again.ms).toFixed(0)} times as fast as working it out`
    yield { name: 'what scores answers, from disk', value: again.ms, unit: 'ms', note: ratio }
  } finally {
    await rm(folder, { recursive: true })
  }
  const feature = Float32Array.from({ length: widthOf(SHAPE) }, (_, i) => Math.sin(i))
  const query = toRow(scoring.curvature, feature)
  const scored = await timed(async () => {
    for (let i = 0; i < ANSWERS; i++) attributeAnswer(scoring, query)
  })
  yield { name: "an answer's shares", value: scored.ms / ANSWERS, unit: 'ms' }
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const began = performance.now()
  const value = await work()
  return { value, ms: performance.now() - began }
}

function someFeatures(): Features {
  const features = emptyFeatures(SHAPE, EXAMPLES)
  const source = random(keccak(utf8('index')), 'features')
  for (let i = 0; i < features.numbers.length; i++) features.numbers[i] = source.below(255) - 127
  return { ...features, scales: features.scales.fill(0.01) }
}

function contributor(number: number): Address {
  return `0x${number.toString(16).padStart(40, '0')}` as Address
}
