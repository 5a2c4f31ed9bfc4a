#!/usr/bin/env node
// The machine's own Node may be too old for libp2p: hand over to the Node 24 that npm installed beside us.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
if (!existsSync(at('../node_modules'))) {
  process.stderr.write('The packages that this needs are not installed. First: npm ci\n')
  process.exit(1)
}
const pinned = at('../node_modules/node/bin/node')
const node = existsSync(pinned) ? pinned : process.execPath
// What Node compiled once is kept: a node then starts a second sooner.
const cache = process.env.NODE_COMPILE_CACHE ?? at('../node_modules/.cache/tributary')
// Threads that come and go would each leave the memory of another arena behind: 75 MB of a node's 560.
const arenas = process.env.MALLOC_ARENA_MAX ?? '2'
const child = spawn(node, [at('../worker/cli/main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: cache, MALLOC_ARENA_MAX: arenas },
})
// In a terminal the child hears Ctrl-C itself; whoever else sends a signal may know of this process alone. The child cleans
// up: wait for it.
const isTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => (signal === 'SIGINT' && isTerminal) || child.kill(signal))
}
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
