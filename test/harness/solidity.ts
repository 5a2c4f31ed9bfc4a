/** Compiles Solidity that only tests need, with the compiler that the project's own contracts are built with. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Abi, Hex } from 'viem'

interface Built {
  readonly abi: Abi
  readonly evm: {
    readonly bytecode: { readonly object: string }
    readonly deployedBytecode: { readonly object: string }
  }
}

interface Answer {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Built>>>>
}

export interface Compiled {
  readonly abi: Abi
  readonly bytecode: Hex
  /** What lies on the chain, for contracts without immutable values. */
  readonly deployedBytecode: Hex
}

const require = createRequire(import.meta.url)

/** All contracts of these files, by their names. */
export function compileSolidity(folder: URL, files: readonly string[]): Map<string, Compiled> {
  const sources = Object.fromEntries(
    files.map((file) => [file, { content: readFileSync(new URL(file, folder), 'utf8') }]),
  )
  const settings = {
    evmVersion: 'prague',
    optimizer: { enabled: true, runs: 200 },
    outputSelection: {
      '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] },
    },
  }
  const input = JSON.stringify({ language: 'Solidity', sources, settings })
  const answer: Answer = JSON.parse(require('solc').compile(input, { import: readImport }))
  const errors = (answer.errors ?? []).filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'))
  const own = files.flatMap((file) => Object.entries(answer.contracts?.[file] ?? {}))
  return new Map(
    own.map(([name, { abi, evm }]) => [
      name,
      {
        abi,
        bytecode: `0x${evm.bytecode.object}`,
        deployedBytecode: `0x${evm.deployedBytecode.object}`,
      },
    ]),
  )
}

function readImport(name: string): { contents: string } {
  const folder = path.dirname(require.resolve('@openzeppelin/contracts/package.json'))
  const file = path.join(folder, name.replace('@openzeppelin/contracts/', ''))
  return { contents: readFileSync(file, 'utf8') }
}
