/** What `tributary gov` works with: the chain, and governance on it. */
import type { ChainClient } from '../chain/client.ts'
import { Governance } from '../chain/governance.ts'
import { type ChainFlags, reading as readingChain, writing as writingChain } from './chain-here.ts'

export interface VoterFlags extends ChainFlags {
  readonly key?: string
}

export interface GovernanceHere {
  readonly governance: Governance
  readonly client: ChainClient
}

/** For reading: needs no key. */
export function reading<T>(flags: ChainFlags, ask: (here: GovernanceHere) => Promise<T>) {
  return readingChain(flags, (client) => ask(governanceOf(client)))
}

/** For writing, with the voter's key; it is made when it is first needed. */
export function writing<T>(flags: VoterFlags, act: (here: GovernanceHere) => Promise<T>) {
  return writingChain(flags, (client) => act(governanceOf(client)))
}

function governanceOf(client: ChainClient): GovernanceHere {
  return { client, governance: new Governance(client) }
}
