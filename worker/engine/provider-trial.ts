/** A program that tries one provider and prints why it is refused, as JSON. A driver that crashes takes only this process. */
import { PROVIDERS } from './providers.ts'
import { refusal } from './self-test.ts'

const provider = PROVIDERS.find((name) => name === process.argv[2])
if (provider === undefined) throw new TypeError(`${process.argv[2]} is no provider`)
const refused = await refusal(provider, Number(process.argv[3]))
process.stdout.write(`${JSON.stringify({ refused })}\n`)
// Some providers keep threads of their own alive.
process.exit(0)
