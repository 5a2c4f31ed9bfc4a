/**
 * The gradient index of an adapter: one int8 row for each training example, under one Merkle root. The root's head
 * binds the shape and every number that made rows out of features; beside it stand the rows in the order of the examples,
 * and each contributor's sum of rows, by which the L2 checks a share in one step. What says an earlier contribution again has
 * empty rows.
 */
import { type Duplicate, MAX_DUPLICATES } from '../../protocol/adapter.ts'
import {
  type Attribution,
  attribute,
  type ScoringRows,
  scoringRows,
} from '../../protocol/attribution.ts'
import { type InfluenceLeaves, influenceRoot, rowLeaf, rowSum } from '../../protocol/evidence.ts'
import type { Address } from '../../protocol/fields.ts'
import { concat, type Hash, utf8 } from '../../protocol/hash.ts'
import { type Curvature, fitCurvature, toRows } from './curvature.ts'
import { emptyDuplicates } from './duplicate-rows.ts'
import { AttributionError } from './errors.ts'
import type { Features } from './features.ts'

export interface InfluenceIndex {
  readonly curvature: Curvature
  readonly examples: number
  /** (N, D) row by row. */
  readonly rows: Int8Array
  /** Contributions with empty rows, ascending: the first `MAX_DUPLICATES` of them. */
  readonly duplicates: readonly Duplicate[]
  readonly root: Hash
}

/**
 * Builds the index of an adapter from its examples' features; see `fitCurvature` for what it throws. `owners[i]` owns row i,
 * and `contributions[i]` is the number of the contribution it is cut from; held-out examples have no owner and get rows as
 * well: they are the decoys that set the noise floor.
 */
export function buildIndex(
  features: Features,
  owners: Owners,
  contributions: readonly number[],
): InfluenceIndex {
  const trained = owners.map((owner) => owner !== undefined)
  const curvature = fitCurvature(features, trained)
  const rows = toRows(curvature, features)
  const found = emptyDuplicates(rows, curvature.width, contributions, trained)
  const duplicates = found.slice(0, MAX_DUPLICATES)
  const root = indexRoot(scaleOf(curvature), rows, owners)
  return { curvature, examples: owners.length, rows, duplicates, root }
}

/** The figures that made rows out of features: what an adapter's document and its spec say of its curvature. */
interface RowScale extends Pick<Curvature, 'width' | 'damping' | 'cap' | 'scale'> {
  readonly rank: number
  readonly columns: number
}

export function scaleOf({ shape, width, damping, cap, scale }: Curvature): RowScale {
  const { rank, columns } = shape
  return { width, rank, columns, damping, cap, scale }
}

/** Who owns each row; none for a decoy. */
export type Owners = readonly (Address | undefined)[]

/** The root of an index over its rows (N, D). */
export function indexRoot(scale: RowScale, rows: Int8Array, owners: Owners): Hash {
  return influenceRoot(indexLeaves(scale, rows, owners))
}

export function indexLeaves(scale: RowScale, rows: Int8Array, owners: Owners): InfluenceLeaves {
  const each = rowsOf(rows, scale.width)
  return {
    head: headLeaf(scale, each.length),
    rows: each.map((row, example) => rowLeaf(example, row)),
    sums: scoringRows(each, owners).sums.map(rowSum),
  }
}

/** The head: shape in words, then damping, cap and scale as big-endian doubles. */
export function headLeaf(of: RowScale, examples: number): Uint8Array {
  const { width, rank, columns, damping, cap, scale } = of
  const numbers = new DataView(new ArrayBuffer(24))
  for (const [place, number] of [damping, cap, scale].entries()) {
    numbers.setFloat64(8 * place, number)
  }
  const maps = `maps of ${columns} by ${rank}`
  const shape = utf8(`influence index 5: ${examples} rows of ${width} in ${maps}\n`)
  return concat(shape, new Uint8Array(numbers.buffer))
}

/** The rows (N, D) one by one, without a copy. */
export function rowsOf(rows: Int8Array, width: number): Int8Array[] {
  return Array.from({ length: Math.floor(rows.length / width) }, (_, i) =>
    rows.subarray(i * width, (i + 1) * width),
  )
}

/** The part of an index that answers are scored by, which weighs far less than all of its rows. */
export interface ScoringIndex extends Pick<InfluenceIndex, 'curvature' | 'root'>, ScoringRows {}

/** `owners[i]` owns row i, none for a decoy. */
export function scoringIndex(
  { curvature, root, rows }: InfluenceIndex,
  owners: Owners,
): ScoringIndex {
  const { sums, decoys } = scoringRows(rowsOf(rows, curvature.width), owners)
  return { curvature, root, sums, decoys: decoys.map((row) => row.slice()) }
}

/** Who shaped an answer: its query row (D) against all rows. Throws `AttributionError` `bad-shape` where its length does not fit. */
export function attributeAnswer(index: ScoringIndex, query: Int8Array): Attribution {
  const { width } = index.curvature
  if (query.length !== width) {
    const message = `a query of ${query.length} for an index of rows of ${width}`
    throw new AttributionError('bad-shape', message)
  }
  return attribute(index, query)
}

/** The rows file: int8, row by row, nothing else. */
export function encodeRows(rows: Int8Array): Uint8Array {
  return new Uint8Array(rows.buffer, rows.byteOffset, rows.length).slice()
}

/** Reads a rows file of known shape. Throws `AttributionError` `bad-shape` where its size is another. */
export function decodeRows(bytes: Uint8Array, examples: number, width: number): Int8Array {
  if (bytes.length !== examples * width) {
    const asked = `${examples} rows of ${width} bytes are ${examples * width}`
    throw new AttributionError('bad-shape', `the rows file has ${bytes.length} bytes, ${asked}`)
  }
  return Int8Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length))
}
