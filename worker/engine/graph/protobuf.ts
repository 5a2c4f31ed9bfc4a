/**
 * Protocol Buffers' wire format, as far as ONNX needs it: write only, fields in the order they are given, so that the
 * same calls always make the same bytes (a graph is named by the hash of its bytes).
 * Source: https://protobuf.dev/programming-guides/encoding
 */
import { utf8 } from '../../../protocol/hash.ts'

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** Messages are written into one growing buffer: a graph has tens of thousands of fields, and an array for each is dear. */
export class ProtobufWriter {
  #bytes = new Uint8Array(1024)
  #length = 0

  /** A 64-bit integer field; negative numbers take ten bytes, as in two's complement. */
  int(field: number, value: number): this {
    return this.#varint((field << 3) | VARINT).#varint(value)
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#varint((field << 3) | FIXED32).#append(bytes)
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#varint((field << 3) | LENGTH_DELIMITED)
      .#varint(value.length)
      .#append(value)
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8(value))
  }

  /** A nested message, written by `write`. */
  message(field: number, write: (writer: ProtobufWriter) => void): this {
    this.#varint((field << 3) | LENGTH_DELIMITED)
    const start = this.#length
    write(this)
    const end = this.#length
    // The length stands before the message but is known only after it, so the message moves up to make room.
    this.#varint(end - start)
    const lengthBytes = this.#bytes.slice(end, this.#length)
    this.#bytes.copyWithin(start + lengthBytes.length, start, end)
    this.#bytes.set(lengthBytes, start)
    return this
  }

  /** Fields that another writer has written. */
  fields(writer: ProtobufWriter): this {
    return this.#append(writer.finish())
  }

  /** What has been written so far: a view that the next write may overwrite. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #varint(value: number): this {
    this.#reserve(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
    return this
  }

  #append(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    grown.set(this.finish())
    this.#bytes = grown
  }
}
