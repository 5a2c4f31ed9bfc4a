import { WorldError } from '../errors.ts'

/** The demo could not go on: its message says where and what to look at. */
export class DemoError extends WorldError {
  override readonly name = 'DemoError'
}
