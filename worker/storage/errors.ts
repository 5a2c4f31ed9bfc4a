/** What goes wrong with content and files. `code` tells a program what the message tells a person. */
export type StorageCode = 'missing' | 'malformed' | 'too-large' | 'lies' | 'stalled' | 'unwritable'

export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: StorageCode

  constructor(code: StorageCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
