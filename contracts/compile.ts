/**
 * Compiles `contracts/src` and writes one module a contract, ABI and bytecode, to `contracts/gen`, and one by which their
 * code on a chain is known again. The compiler is solc from npm and leaves no metadata in the bytecode, so the same
 * sources give the same bytes in any folder.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { keccak256 } from 'viem'
import { z } from 'zod'

/** What is deployed, and so gets a module. */
const CONTRACTS = [
  'StakeVault',
  'DatanetRegistry',
  'ModelRegistry',
  'FeeEscrow',
  'ResultLedger',
  'Payout',
  'Disputes',
  'Jury',
  'GOpen',
  'Timelock',
  'OpenGovernor',
  'Params',
  'JobEscrow',
] as const

/** Small code through the intermediate representation; no metadata, which would name paths. */
const SETTINGS = {
  evmVersion: 'prague',
  viaIR: true,
  optimizer: { enabled: true, runs: 100_000 },
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
  outputSelection: {
    '*': {
      '*': [
        'abi',
        'evm.bytecode.object',
        'evm.deployedBytecode.object',
        'evm.deployedBytecode.immutableReferences',
      ],
    },
  },
} as const

/** A warning that OpenZeppelin's re-entrancy guard earns and heeds: it clears what it set. */
const TRANSIENT_STORAGE = '2394'
const LIBRARY = '@openzeppelin/contracts/'

const Output = z.object({
  errors: z
    .array(
      z.object({
        severity: z.string(),
        errorCode: z.string(),
        formattedMessage: z.string(),
        sourceLocation: z.object({ file: z.string() }).optional(),
      }),
    )
    .default([]),
  contracts: z
    .record(
      z.string(),
      z.record(
        z.string(),
        z.object({
          abi: z.array(z.record(z.string(), z.unknown())),
          evm: z.object({
            bytecode: z.object({ object: z.string() }),
            deployedBytecode: z.object({
              object: z.string(),
              immutableReferences: z.record(
                z.string(),
                z.array(z.object({ start: z.int(), length: z.int() })),
              ),
            }),
          }),
        }),
      ),
    )
    .default({}),
})

const require = createRequire(import.meta.url)
const SRC = new URL('./src/', import.meta.url)
const GEN = new URL('./gen/', import.meta.url)

/** Text of each generated file by its name. Throws where solc reports an error or a warning. */
export function compile(): Map<string, string> {
  const solc = require('solc')
  const input = { language: 'Solidity', sources: readSources(), settings: SETTINGS }
  const answer: string = solc.compile(JSON.stringify(input), { import: readImport })
  const { errors, contracts } = Output.parse(JSON.parse(answer))
  const complaints = errors.filter(
    ({ severity, errorCode, sourceLocation }) =>
      errorCode !== TRANSIENT_STORAGE &&
      // What a release of the library is warned of is not ours to mend.
      !(severity === 'warning' && sourceLocation?.file.startsWith(LIBRARY)),
  )
  if (complaints.length > 0) {
    throw new Error(complaints.map(({ formattedMessage }) => formattedMessage).join('\n'))
  }
  const built = CONTRACTS.map((name) => {
    const contract = contracts[`src/${name}.sol`]?.[name]
    if (!contract) throw new Error(`src/${name}.sol has no contract ${name}`)
    const { bytecode, deployedBytecode } = contract.evm
    return { name, abi: contract.abi, bytecode: `0x${bytecode.object}`, deployedBytecode }
  })
  const bytecodes = Object.fromEntries(built.map(({ name, bytecode }) => [name, bytecode]))
  return new Map([
    ...built.map(({ name, abi, bytecode }): [string, string] => [
      `${name}.ts`,
      moduleText(name, abi, bytecode),
    ]),
    ['runtimes.ts', runtimesText(built)],
    // For the Solidity tests, which read no TypeScript.
    ['bytecode.json', `${JSON.stringify(bytecodes, undefined, 1)}\n`],
  ])
}

/** The generated file as it stands in the folder; the empty string where there is none. */
export function committed(file: string): string {
  try {
    return readFileSync(new URL(file, GEN), 'utf8')
  } catch {
    return ''
  }
}

function readSources(): Record<string, { content: string }> {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.sol'))
    .sort()
  return Object.fromEntries(
    files.map((file) => [
      `src/${file}`,
      { content: readFileSync(new URL(file, SRC), 'utf8').replaceAll('\r\n', '\n') },
    ]),
  )
}

/** The one library that the sources import. */
function readImport(name: string): { contents: string } | { error: string } {
  if (!name.startsWith(LIBRARY)) return { error: `${name} is not in ${LIBRARY}` }
  const folder = path.dirname(require.resolve('@openzeppelin/contracts/package.json'))
  try {
    return { contents: readFileSync(path.join(folder, name.slice(LIBRARY.length)), 'utf8') }
  } catch (cause) {
    return { error: String(cause) }
  }
}

function moduleText(name: string, abi: readonly unknown[], bytecode: string): string {
  const variable = `${name[0]?.toLowerCase()}${name.slice(1)}`
  const entries = abi.map((entry) => `  ${JSON.stringify(entry, withoutInternalType)},`)
  return [
    `// Written by \`npm run contracts:build\` from contracts/src/${name}.sol.`,
    `export const ${variable}Abi = [`,
    ...entries,
    '] as const',
    '',
    `export const ${variable}Bytecode =`,
    `  '${bytecode}'`,
    '',
  ].join('\n')
}

type Contract = z.output<typeof Output>['contracts'][string][string]

/** The code itself would be as long as the bytecode once more: its length and hash are enough to know it again. */
function runtimesText(
  built: readonly {
    readonly name: string
    readonly deployedBytecode: Contract['evm']['deployedBytecode']
  }[],
): string {
  const entries = built.map(({ name, deployedBytecode: { object, immutableReferences } }) => {
    const places = Object.values(immutableReferences)
      .flat()
      .map(({ start, length }) => [start, length])
      .sort(([a = 0], [b = 0]) => a - b)
    const hash = keccak256(`0x${object}`)
    return `  ${name}: { bytes: ${object.length / 2}, hash: '${hash}', immutables: ${JSON.stringify(places)} },`
  })
  return [
    '// Written by `npm run contracts:build`: the code that each contract leaves on a chain. `hash` is that of the code with',
    '// zeros for the immutables, whose first byte and length in bytes are listed.',
    'export const runtimes = {',
    ...entries,
    '} as const',
    '',
  ].join('\n')
}

/** The Solidity name of a type helps nobody who calls by ABI. */
function withoutInternalType(key: string, value: unknown): unknown {
  return key === 'internalType' ? undefined : value
}

if (import.meta.main) {
  mkdirSync(GEN, { recursive: true })
  for (const [file, text] of compile()) writeFileSync(new URL(file, GEN), text)
}
