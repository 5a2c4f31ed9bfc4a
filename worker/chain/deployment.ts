/** Which contracts, on which chain: all that a node must know to read and write the L2. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { address } from '../../protocol/fields.ts'
import { PARAMETER_NAMES, type ParameterName } from '../../protocol/parameters.ts'
import type { Domain } from '../../protocol/struct.ts'
import { ChainError } from './errors.ts'
import { writeWhole } from './files.ts'

export const Deployment = z.strictObject({
  chainId: z.int().positive(),
  addresses: z.strictObject({
    stakeVault: address,
    datanetRegistry: address,
    modelRegistry: address,
    disputes: address,
    jury: address,
    feeEscrow: address,
    resultLedger: address,
    payout: address,
    gOpen: address,
    timelock: address,
    governor: address,
    params: address,
    jobEscrow: address,
  }),
  /** The first block with a contract of ours: facts are read from here on. */
  fromBlock: z.int().nonnegative(),
  /** Seconds between the posting of a batch and the moment it may be made final. */
  windowSeconds: z.int().nonnegative(),
  /** Account of the treasury: what is nobody else's part of a fee. All nodes must name the same. */
  treasury: address,
  /** Seconds of an epoch: governed parameters hold for whole epochs. */
  epochSeconds: z.int().positive(),
  /** What the governed parameters were born with; the chain tells how they were changed since. */
  parameters: z.strictObject(
    Object.fromEntries(PARAMETER_NAMES.map((name) => [name, z.int().nonnegative()])) as Record<
      ParameterName,
      z.ZodInt
    >,
  ),
})
export type Deployment = z.output<typeof Deployment>
export type ContractName = keyof Deployment['addresses']

/** Where signatures for one of the contracts count. */
export function domainOf(deployment: Deployment, contract: ContractName): Domain {
  return { chainId: deployment.chainId, contract: deployment.addresses[contract] }
}

/** `undefined` where there is no such file; throws `ChainError` `bad-deployment` where it says something else. */
export async function loadDeployment(file: string): Promise<Deployment | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ChainError('bad-deployment', `${file} cannot be read; mend its rights`, { cause })
  }
  try {
    return Deployment.parse(JSON.parse(text))
  } catch (cause) {
    const what = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new ChainError(
      'bad-deployment',
      `${file} is no deployment (${what}); get it again from where it came`,
      { cause },
    )
  }
}

/** Writes the file whole or not at all. */
export async function saveDeployment(file: string, deployment: Deployment): Promise<void> {
  await writeWhole(file, `${JSON.stringify(Deployment.parse(deployment), undefined, 2)}\n`)
}
