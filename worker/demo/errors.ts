/** The demo could not go on: its message says where and what to look at. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}
