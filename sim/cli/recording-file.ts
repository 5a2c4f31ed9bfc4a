/** A recording on the disk, as it was written or gzipped, line by line, whatever its length. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { constants, gunzipSync } from 'node:zlib'
import { RECORDING, type RecordedLine } from '../../coordinator-free/recording.ts'
import { readLine } from './recording-form.ts'
import { ofFile, Refusal } from './refusal.ts'

/** The longest that a node writes has all digests that a neighbour may name: a megabyte. */
const MOST_LINE_BYTES = 8 * 2 ** 20
/** What is gzipped is unpacked in memory. */
const MOST_GZIP_BYTES = 256 * 2 ** 20
const MOST_UNPACKED_BYTES = 2 ** 30
const CHUNK_BYTES = 2 ** 20
const HEAD_BYTES = 4096

export interface Numbered {
  readonly line: RecordedLine
  /** Counts from 1. */
  readonly number: number
}

export interface Recorded {
  /** Given once; each line is checked as it is read. */
  readonly lines: Iterable<Numbered>
  /** True where the last line has no end: the node was killed. Known when all lines were read. */
  readonly isCut: () => boolean
}

/** True where the file begins as a recording does, gzipped or not. */
export function isRecording(path: string): boolean {
  const head = firstBytes(path)
  return isGzip(head) || head.includes(`"${RECORDING}"`)
}

/** @throws Refusal, while lines are read too, naming the line */
export function readRecording(path: string): Recorded {
  const chunks = isGzip(firstBytes(path)) ? unpacked(path) : chunksOf(path)
  let isCut = false
  function* lines(): Generator<Numbered> {
    let number = 0
    for (const { bytes, ended } of split(chunks, path)) {
      number += 1
      if (!ended) {
        isCut = true
        if (number > 1) return
        throw new Refusal(`${path} ends within its first line; nothing of it can be replayed`)
      }
      yield { line: readLine(bytes.toString('utf8'), `${path}:${number}`, number === 1), number }
    }
    if (number === 0) throw new Refusal(`${path} is empty; give a file that --record has written`)
  }
  return { lines: lines(), isCut: () => isCut }
}

interface Piece {
  readonly bytes: Buffer
  /** False of what comes after the last end of a line. */
  readonly ended: boolean
}

function* split(chunks: Iterable<Buffer>, path: string): Generator<Piece> {
  let left: Buffer = Buffer.alloc(0)
  let number = 1
  for (const chunk of chunks) {
    left = left.length === 0 ? chunk : Buffer.concat([left, chunk])
    let from = 0
    for (let end = left.indexOf(10); end >= 0; end = left.indexOf(10, from)) {
      yield { bytes: bounded(left.subarray(from, end), path, number), ended: true }
      number += 1
      from = end + 1
    }
    left = bounded(left.subarray(from), path, number)
  }
  if (left.length > 0) yield { bytes: left, ended: false }
}

function bounded(line: Buffer, path: string, number: number): Buffer {
  if (line.length <= MOST_LINE_BYTES) return line
  throw new Refusal(`${path}:${number} has more than the ${MOST_LINE_BYTES} bytes of any line`)
}

function* chunksOf(path: string): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      const length = readSync(file, chunk, 0, CHUNK_BYTES, null)
      if (length === 0) return
      yield chunk.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

/** A gzip that was cut gives what is whole of it. */
function* unpacked(path: string): Generator<Buffer> {
  const { size } = statSync(path)
  if (size > MOST_GZIP_BYTES) throw new Refusal(`${path} has ${size} bytes; gunzip it first`)
  let whole: Buffer
  try {
    whole = gunzipSync(readFileSync(path), {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MOST_UNPACKED_BYTES,
    })
  } catch (error) {
    const why = (error as Error).message
    throw new Refusal(`${path} cannot be unpacked (${why}); gunzip it first, or get it again`)
  }
  // In pieces, for a piece that is left over is copied with the next one.
  for (let at = 0; at < whole.length; at += CHUNK_BYTES) {
    yield whole.subarray(at, at + CHUNK_BYTES)
  }
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

function firstBytes(path: string): Buffer {
  return ofFile(path, 'give a file that --record has written, or dst has kept', () => {
    const file = openSync(path, 'r')
    try {
      const head = Buffer.alloc(HEAD_BYTES)
      return head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0))
    } finally {
      closeSync(file)
    }
  })
}
