#!/usr/bin/env node
// The machine's own Node may be too old for libp2p: hand over to the Node 24 that npm installed beside us.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const pinned = at('../node_modules/node/bin/node')
const node = existsSync(pinned) ? pinned : process.execPath
// What Node compiled once is kept: a node then starts a second sooner.
const cache = process.env.NODE_COMPILE_CACHE ?? at('../node_modules/.cache/tributary')
const child = spawn(node, [at('../worker/cli/main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: cache },
})
// The child hears Ctrl-C itself, being in the same terminal group, and cleans up: wait for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => signal === 'SIGINT' || child.kill(signal))
}
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
