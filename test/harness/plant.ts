/** `node --import ./test/harness/plant.ts …`: puts the bug that TRIBUTARY_PLANT names into the core before it is loaded. */
import { registerHooks } from 'node:module'
import { PLANTED_BUGS, PLANTED_DUDS } from './planted-bugs.ts'

const name = process.env['TRIBUTARY_PLANT'] ?? ''
const bug = { ...PLANTED_BUGS, ...PLANTED_DUDS }[name]
if (!bug) throw new Error(`there is no bug "${name}" to plant`)

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith(bug.file)) return loaded
    const source = String(loaded.source)
    if (!source.includes(bug.line)) throw new Error(`${bug.file} has no line: ${bug.line}`)
    return { ...loaded, source: source.replace(bug.line, bug.instead) }
  },
})
