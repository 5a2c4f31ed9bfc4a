/** Starts an embedded chain in the folder it is given, says where, and then only lives: a test kills it. */
import { startAnvil } from '../../worker/chain/anvil.ts'
import { CHAIN_ID } from './embedded-chain.ts'

const dataFolder = process.argv[2]
if (dataFolder === undefined) throw new TypeError('anvil-parent.ts needs a folder')
const { url } = await startAnvil({ dataFolder, chainId: CHAIN_ID, stateIntervalSeconds: 1 })
process.stdout.write(`${url}\n`)
setInterval(() => undefined, 1000)
