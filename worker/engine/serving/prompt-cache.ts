/**
 * Keys and values of earlier prompts. A new prompt that begins as an earlier one did, with the same adapter, takes over
 * what they have in common, instead of reading it again.
 */
import type { ModelConfig } from '../families/model-config.ts'
import { KeyValues, keyValueBytes, roomFor } from './key-values.ts'

interface Kept {
  readonly adapter: string
  readonly prompt: readonly number[]
  readonly keys: KeyValues
}

/** What a prompt may begin with. */
export interface Beginning {
  readonly keys: KeyValues
  /** Tokens that are the same. */
  readonly length: number
}

/** Stands for the base model; no adapter's name is empty. */
const NO_ADAPTER = ''

export class PromptCache {
  readonly #config: ModelConfig
  readonly #limitBytes: number
  /** Least recently used first. */
  #kept: Kept[] = []
  #heldBytes = 0

  constructor(config: ModelConfig, limitBytes: number) {
    this.#config = config
    this.#limitBytes = limitBytes
  }

  /** The longest beginning that is known; always short of the last token, whose results are wanted. */
  find(adapter: string | undefined, prompt: readonly number[]): Beginning | undefined {
    let best: Kept | undefined
    let length = 0
    for (const kept of this.#kept) {
      if (kept.adapter !== (adapter ?? NO_ADAPTER)) continue
      const common = Math.min(commonLength(kept.prompt, prompt), prompt.length - 1)
      if (common > length) [best, length] = [kept, common]
    }
    if (best === undefined) return undefined
    this.#kept = [...this.#kept.filter((kept) => kept !== best), best]
    return { keys: best.keys, length }
  }

  /** Keeps a copy of a prompt's keys and values, those of row 0. */
  keep(adapter: string | undefined, prompt: readonly number[], keys: KeyValues): void {
    const bytes = keyValueBytes(this.#config, 1, roomFor(prompt.length))
    if (bytes > this.#limitBytes) return
    const name = adapter ?? NO_ADAPTER
    const covers = (a: Kept, length: number): boolean =>
      a.adapter === name && commonLength(a.prompt, prompt) === length
    if (this.#kept.some((kept) => covers(kept, prompt.length))) return
    // What the new one begins with is known by it.
    for (const kept of this.#kept.filter((one) => covers(one, one.prompt.length))) this.#drop(kept)
    while (this.#heldBytes + bytes > this.#limitBytes) this.#drop(this.#kept[0]!)
    const copy = new KeyValues(this.#config, 1, prompt.length)
    copy.copyRow(0, keys, 0, prompt.length)
    this.#kept.push({ adapter: name, prompt: [...prompt], keys: copy })
    this.#heldBytes += bytes
  }

  #drop(kept: Kept): void {
    this.#kept.splice(this.#kept.indexOf(kept), 1)
    this.#heldBytes -= kept.keys.bytes
  }
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length)
  let length = 0
  while (length < end && a[length] === b[length]) length++
  return length
}
