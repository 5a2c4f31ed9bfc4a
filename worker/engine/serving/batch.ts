/**
 * Continuous batching: texts join and leave between steps. A text waits until there is a place and memory for it, its prompt
 * is read by itself, piece by piece in turn with the others' steps, and then each step gives one token to every text.
 */
import { EngineError } from '../errors.ts'
import type { ModelConfig } from '../families/model-config.ts'
import type { ServingLimits } from '../requests.ts'
import type { Feed, Succession } from '../session.ts'
import { turn } from '../step-signal.ts'
import type { Runner } from './drawing.ts'
import { lastPlaces, textFeeds } from './feeds.ts'
import { KeyValues, keyValueBytes, newKeyValues, roomFor, rowsFor } from './key-values.ts'
import { PromptCache } from './prompt-cache.ts'
import { Slots, singleFeeds, slotBytes } from './slots.ts'
import type { Text } from './text.ts'

/** The text whose prompt is being read. */
interface Reading {
  readonly text: Text
  readonly keys: KeyValues
  readonly slot: Record<string, Feed>
}

export class Batch {
  readonly #config: ModelConfig
  readonly #runner: () => Promise<Runner>
  readonly #limits: ServingLimits
  readonly #prompts: PromptCache
  readonly #slots: Slots
  readonly #waiting: Text[] = []
  #reading: Reading | undefined
  /** Row by row; there are never empty rows between them. */
  readonly #texts: Text[] = []
  #keys: KeyValues
  #slotFeeds: Record<string, Feed> = {}
  #running = false

  constructor(config: ModelConfig, runner: () => Promise<Runner>, limits: ServingLimits) {
    this.#config = config
    this.#runner = runner
    this.#limits = limits
    this.#prompts = new PromptCache(config, limits.promptCacheBytes)
    this.#slots = new Slots(config)
    this.#keys = new KeyValues(config, 1, 0)
  }

  /**
   * Lines a text up; its `result` is settled in the end. Throws `over-budget` where it could never have its turn, `busy`
   * where the line is too long.
   */
  add(text: Text): void {
    const { memoryBytes, waiting } = this.#limits
    const bytes = this.#bytesWith([text])
    if (bytes > memoryBytes) {
      throw new EngineError(
        'over-budget',
        `a text of up to ${text.longest} tokens takes ${bytes} bytes, but texts may take ${memoryBytes} together; ask for fewer tokens`,
      )
    }
    if (this.#waiting.length >= waiting) {
      throw new EngineError(
        'busy',
        `${waiting} texts wait already; try again when some are written, or ask a node that has less to do`,
      )
    }
    this.#waiting.push(text)
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length + this.#texts.length > 0 || this.#reading !== undefined) {
      await turn()
      this.#dismiss()
      this.#admit()
      const reading = this.#reading
      if (reading !== undefined) await this.#orFail([reading.text], () => this.#read(reading))
      if (this.#texts.length > 0) await this.#orFail([...this.#texts], () => this.#step())
    }
    this.#running = false
  }

  /** An error in a run is an error of the texts that took part; the others, and those to come, go on. */
  async #orFail(texts: readonly Text[], work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      for (const text of texts) this.#remove(text, error)
    }
  }

  /** Lets go of what nobody waits for any more, and of what is complete. */
  #dismiss(): void {
    const reading = this.#reading === undefined ? [] : [this.#reading.text]
    for (const text of [...this.#texts, ...reading, ...this.#waiting]) {
      if (text.signal.aborted) {
        this.#remove(text, new EngineError('aborted', 'the caller cancelled this call'))
      } else if (text.complete) this.#remove(text)
    }
  }

  #remove(text: Text, error?: unknown): void {
    if (error === undefined) text.end()
    else text.fail(error)
    if (this.#reading?.text === text) this.#reading = undefined
    const waiting = this.#waiting.indexOf(text)
    if (waiting >= 0) this.#waiting.splice(waiting, 1)
    const row = this.#texts.indexOf(text)
    if (row < 0) return
    // The last text moves to the empty row.
    const last = this.#texts.pop()!
    if (last !== text) {
      this.#texts[row] = last
      this.#keys.copyRow(row, this.#keys, this.#texts.length, last.length)
    }
    this.#arrange()
  }

  /** The first in line begins, where there is a place and memory for it. */
  #admit(): void {
    const [text] = this.#waiting
    if (text === undefined || this.#reading !== undefined) return
    if (this.#texts.length >= this.#limits.texts) return
    if (this.#bytesWith([...this.#texts, text]) > this.#limits.memoryBytes) return
    this.#waiting.shift()
    const { adapter, prompt } = text.request
    const keys = new KeyValues(this.#config, 1, 0)
    const known =
      adapter && adapter.id === undefined ? undefined : this.#prompts.find(adapter?.id, prompt)
    if (known !== undefined) {
      keys.reserve(1, known.length, prompt.length)
      keys.copyRow(0, known.keys, 0, known.length)
      text.length = known.length
    }
    this.#reading = { text, keys, slot: singleFeeds(this.#config, adapter) }
  }

  /** Bytes that these texts take at the most, of which the last one has yet to be read in memory of its own. */
  #bytesWith(texts: readonly Text[]): number {
    const room = roomFor(Math.max(...texts.map((text) => text.longest)))
    const own = keyValueBytes(this.#config, 1, roomFor(texts.at(-1)!.request.prompt.length))
    const adapters = texts.map(({ request }) => request.adapter)
    const keys = keyValueBytes(this.#config, rowsFor(texts.length), room)
    return keys + slotBytes(this.#config, adapters) + own
  }

  /** Reads the next piece of a prompt; after the last one draws the first token, and joins the batch. */
  async #read({ text, keys, slot }: Reading): Promise<void> {
    const { prompt, adapter } = text.request
    const end = Math.min(prompt.length, text.length + this.#limits.chunkTokens)
    const tokens = prompt.slice(text.length, end)
    const { logits, hidden, ...rows } = await this.#forward([tokens], [text.length], {
      ...slot,
      ...keys.feeds(1),
    })
    keys.reserve(1, end, prompt.length)
    keys.append(0, text.length, newKeyValues(rows), 0, 1)
    text.length = end
    if (end < prompt.length) return
    const { vocabSize, width } = this.#config
    text.take(logits!.subarray(-vocabSize), hidden!.subarray(-width))
    if (!adapter || adapter.id !== undefined) this.#prompts.keep(adapter?.id, prompt, keys)
    this.#reading = undefined
    if (text.complete) text.end()
    else this.#join(text, keys)
  }

  #join(text: Text, keys: KeyValues): void {
    this.#texts.push(text)
    if (this.#texts.length === 1) this.#keys = keys
    else {
      this.#reserve()
      this.#keys.copyRow(this.#texts.length - 1, keys, 0, text.length)
    }
    this.#arrange()
  }

  /** Room for one more token in every row. */
  #reserve(): void {
    const length = Math.max(...this.#texts.map((text) => text.length + 1))
    const longest = Math.max(...this.#texts.map((text) => text.longest))
    this.#keys.reserve(this.#texts.length, length, longest, this.#slack)
  }

  /** Gives every row its adapter. One text alone needs no copy of it. */
  #arrange(): void {
    const adapters = this.#texts.map(({ request }) => request.adapter)
    this.#slots.arrange(adapters.length > 1 ? adapters : [], this.#slack)
    this.#slotFeeds =
      adapters.length > 1 ? this.#slots.feeds() : singleFeeds(this.#config, adapters[0])
  }

  /** Memory may be kept for later where four times what is needed would be within the limit. */
  get #slack(): boolean {
    const texts = this.#texts
    return texts.length > 0 && 4 * this.#bytesWith(texts) <= this.#limits.memoryBytes
  }

  /** One token for every text. */
  async #step(): Promise<void> {
    this.#reserve()
    const texts = [...this.#texts]
    const { feeds, successions, settle } = this.#keys.growing(texts.length)
    const { logits, hidden, ...rows } = await this.#forward(
      texts.map(({ last }) => [last]),
      texts.map(({ length }) => length),
      { ...this.#slotFeeds, ...feeds },
      successions,
    )
    const { vocabSize, width } = this.#config
    for (const [row, text] of texts.entries()) {
      this.#keys.append(row, text.length, newKeyValues(rows), row, texts.length)
      text.length++
    }
    settle()
    // Leaving moves rows, so all keys and values must be in their places before.
    for (const [row, text] of texts.entries()) {
      try {
        text.take(
          logits!.subarray(row * vocabSize, (row + 1) * vocabSize),
          hidden!.subarray(row * width, (row + 1) * width),
        )
        if (text.complete) this.#remove(text)
      } catch (error) {
        this.#remove(text, error)
      }
    }
  }

  /** Runs equally many tokens of each row. Results end with those of the last token. */
  async #forward(
    tokens: readonly (readonly number[])[],
    lengths: readonly number[],
    more: Record<string, Feed>,
    successions: readonly Succession[] = [],
  ): Promise<Record<string, Float32Array>> {
    const { length } = tokens[0]!
    const text = textFeeds(tokens, lengths, lastPlaces(length - 1, length))
    const runner = await this.#runner()
    return runner.run({ ...text, ...more }, undefined, successions)
  }
}
