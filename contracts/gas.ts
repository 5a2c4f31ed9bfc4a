/** What calls cost: `gas.json` holds what `test/Gas.t.sol` measures. Run this file to write it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from './forge.ts'

const FILE = new URL('gas.json', import.meta.url)
const MEASURES = 'contracts/test/Gas.t.sol'

/** The text of `gas.json` by what calls cost now. */
export async function measuredGas(): Promise<string> {
  const { suites, said } = await test('-vv', '--match-path', MEASURES)
  if (!suites) throw new Error(`forge measured nothing; it said: ${said}`)
  const tests = Object.values(suites).flatMap(({ test_results: results }) =>
    Object.entries(results),
  )
  for (const [name, { status, reason }] of tests) {
    if (status !== 'Success') throw new Error(`${name} measured nothing: ${reason ?? status}`)
  }
  const lines = tests.flatMap(([, { decoded_logs: logs }]) => logs).sort()
  const gas = lines.map((line): [string, number] => {
    const colon = line.lastIndexOf(': ')
    return [line.slice(0, colon), Number(line.slice(colon + 2))]
  })
  return `${JSON.stringify(Object.fromEntries(gas), undefined, 2)}\n`
}

/** The text of `gas.json` as it stands; empty where there is none. */
export function recordedGas(): string {
  try {
    return readFileSync(FILE, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.main) writeFileSync(FILE, await measuredGas())
