/** What was asked for is not done, and the message says what would be: exit code 2. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}
