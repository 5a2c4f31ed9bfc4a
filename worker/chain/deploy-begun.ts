/**
 * A deployment that was begun: its plan and its transactions, in a folder beside the file that it will end in. Whoever
 * is cut off goes on with the same plan, as the addresses in it are the only ones that the contracts know each other by.
 */
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { address, bytes32 } from '../../protocol/fields.ts'
import type { Hash } from '../../protocol/hash.ts'
import { bigintAsText } from '../json.ts'
import type { DeployPlan } from './deploy-plan.ts'
import { Deployment } from './deployment.ts'
import { ChainError } from './errors.ts'
import { writeWhole } from './files.ts'
import { fileStore, type OutboxStore } from './outbox-file.ts'

const decimal = z
  .string()
  .regex(/^[0-9]{1,78}$/)
  .transform(BigInt)
const seconds = z.int().nonnegative()

const Begun = z.strictObject({
  /** Hash of the chain's block 0: a chain that was begun anew has the same number. */
  genesis: bytes32,
  from: address,
  firstNonce: z.int().nonnegative(),
  governance: z.strictObject({
    epochSeconds: z.int().positive(),
    votingDelaySeconds: seconds,
    votingPeriodSeconds: seconds,
    timelockSeconds: seconds,
    thresholdWei: decimal,
    quorumPercent: z.int().min(0).max(100),
    leastQuorumWei: decimal,
  }),
  deployment: Deployment,
})
export type Begun = DeployPlan & { readonly genesis: Hash }

/** Where a deployment to this file is kept until it is done. */
export function begunFolder(file: string): string {
  return `${file}.begun`
}

/** The plan that was begun for this file; `undefined` where none was. Throws `bad-deployment` where it cannot be read. */
export async function loadBegun(file: string): Promise<Begun | undefined> {
  const plan = planFile(file)
  try {
    return Begun.parse(JSON.parse(await readFile(plan, 'utf8')))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const what = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new ChainError(
      'bad-deployment',
      `${plan} cannot be read (${what}); move ${begunFolder(file)} away to begin anew`,
      { cause },
    )
  }
}

/** Writes the plan down; nothing may be sent before. */
export async function saveBegun(file: string, begun: Begun): Promise<void> {
  const text = JSON.stringify(begun, bigintAsText, 2)
  await writeWhole(planFile(file), `${text}\n`)
}

export function begunOutbox(file: string): OutboxStore {
  return fileStore(path.join(begunFolder(file), 'outbox.log'))
}

/** When all of it is on the chain, and the deployment's own file is written. */
export async function forgetBegun(file: string): Promise<void> {
  await rm(begunFolder(file), { recursive: true, force: true })
}

function planFile(file: string): string {
  return path.join(begunFolder(file), 'plan.json')
}
