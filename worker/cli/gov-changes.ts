/** What a person writes after `--set` and as a proposal's number, and what is wrong with it before the chain is asked. */
import { InvalidArgumentError } from 'commander'
import {
  faultOfChange,
  faultOfValues,
  PARAMETER_NAMES,
  PARAMETERS,
  type ParameterName,
  type ParameterValues,
} from '../../protocol/parameters.ts'
import type { Change } from '../chain/governance-calls.ts'
import type { ParameterView } from '../chain/governance-views.ts'
import { ClientError } from './client.ts'

/** One more `name=value`; as a parser of commander's, which hands over those before it. */
export function collectChange(text: string, before: readonly Change[] = []): readonly Change[] {
  const [name = '', value = '', ...rest] = text.split('=')
  if (rest.length > 0 || !/^\d+$/.test(value)) {
    throw new InvalidArgumentError('It takes a parameter and a whole number: windowSeconds=8.')
  }
  const param = knownParameter(name)
  if (before.some((change) => change.param === param)) {
    throw new InvalidArgumentError(`${param} is set twice.`)
  }
  const fault = faultOfChange(param, Number(value), Number(value))
  if (fault) throw new InvalidArgumentError(`${fault.message}.`)
  return [...before, { param, value: Number(value) }]
}

export function knownParameter(name: string): ParameterName {
  if (Object.hasOwn(PARAMETERS, name)) return name as ParameterName
  const known = PARAMETER_NAMES.join(', ')
  throw new InvalidArgumentError(`There is no parameter ${name}. There are: ${known}.`)
}

/** @throws ClientError where the chain, as it will be when all that is announced counts, would refuse the changes */
export function requireAcceptable(
  parameters: readonly ParameterView[],
  changes: readonly Change[],
): void {
  const entries = parameters.map(({ param, value, announced }) => {
    return [param, announced.at(-1)?.value ?? value] as const
  })
  const coming = Object.fromEntries(entries) as Record<ParameterName, number>
  const proposed = Object.fromEntries(changes.map(({ param, value }) => [param, value]))
  const steps = changes.map(({ param, value }) => faultOfChange(param, coming[param], value))
  const together: ParameterValues = { ...coming, ...proposed }
  const fault = steps.find((step) => step !== undefined) ?? faultOfValues(together)
  if (fault) throw new ClientError(`${fault.message}. Propose something else.`)
}

/** The proposal whose number begins like this. @throws ClientError where there is none, or more than one */
export function proposalLike(ids: readonly bigint[], text: string): bigint {
  const alike = ids.filter((id) => String(id).startsWith(text))
  const exact = alike.find((id) => String(id) === text)
  if (exact !== undefined) return exact
  if (alike.length === 1) return alike[0]!
  if (alike.length > 1) {
    throw new ClientError(`${alike.length} proposals begin with ${text}: ${alike.join(', ')}.`)
  }
  throw new ClientError(`No proposal begins with ${text}. tributary gov status lists them.`)
}
