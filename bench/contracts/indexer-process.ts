/**
 * Watches the chain from its own folder, and says what it holds whenever asked by a line: how many events it was told in
 * this life, what of them is lost and doubled among so many, those of replaced blocks taken back.
 */
import { createInterface } from 'node:readline'
import { Deployment } from '../../worker/chain/deployment.ts'
import { watchChain } from '../../worker/chain/watcher.ts'
import { endWithParent } from './lives.ts'

endWithParent()
const [url, folder, deployment, count] = process.argv.slice(2) as [string, string, string, string]
let told: { readonly event: number; readonly block: number }[] = []
const watcher = watchChain({
  url,
  folder,
  deployment: Deployment.parse(JSON.parse(deployment)),
  signal: new AbortController().signal,
  pollMs: 50,
  onEvent: (event) => {
    if (event.kind === 'rewound') told = told.filter(({ block }) => block <= event.toBlock)
    if (event.kind !== 'fact' || event.fact.kind !== 'claimed') return
    told.push({ event: Number(event.fact.amountWei), block: event.fact.blockNumber })
  },
})
createInterface({ input: process.stdin }).on('line', () => {
  const distinct = new Set(told.map(({ event }) => event))
  const lost = Number(count) - distinct.size
  process.stdout.write(`${told.length} ${lost} ${told.length - distinct.size}\n`)
})
await watcher.done
