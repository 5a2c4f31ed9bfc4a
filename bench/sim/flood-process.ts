/** A process that floods on the wheel and prints CPU seconds, events and checksum: node flood-process.ts <messages>. */
import { flood, floodGraph } from './flood.ts'

const graph = floodGraph()
const before = process.cpuUsage()
const flooded = flood(graph, Number(process.argv[2]))
const { user, system } = process.cpuUsage(before)
process.stdout.write(`${JSON.stringify({ seconds: (user + system) / 1e6, ...flooded })}\n`)
