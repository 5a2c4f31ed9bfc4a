/** Text pushed at one end and read at the other, as it comes. What nobody reads is kept; an answer is small. */
export class TextQueue implements AsyncIterable<string> {
  readonly #waiting: string[] = []
  #ended = false
  #wake: (() => void) | undefined

  push(text: string): void {
    if (text === '') return
    this.#waiting.push(text)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const text = this.#waiting.splice(0).join('')
      if (text !== '') yield text
      else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
