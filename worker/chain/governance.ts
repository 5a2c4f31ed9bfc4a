/** Governance as one account sees it: its votes, the proposals, and the parameters that they move. */
import type { PublicClient } from 'viem'
import { gOpenAbi } from '../../contracts/gen/GOpen.ts'
import { openGovernorAbi } from '../../contracts/gen/OpenGovernor.ts'
import { paramsAbi } from '../../contracts/gen/Params.ts'
import type { Address } from '../../protocol/fields.ts'
import { NOTICE_EPOCHS, PARAMETER_NAMES } from '../../protocol/parameters.ts'
import type { ChainClient, Written } from './client.ts'
import * as calls from './governance-calls.ts'
import {
  changesIn,
  type ParameterView,
  type ProposalView,
  STATES,
  type Voter,
} from './governance-views.ts'

/** Proposals are few; a list longer than this is not read by people. */
const NEWEST = 50

export class Governance {
  readonly #client: ChainClient

  constructor(client: ChainClient) {
    this.#client = client
  }

  /** Wraps OPEN; it votes when it is delegated. */
  deposit(amountWei: bigint, signal?: AbortSignal): Promise<Written> {
    return this.#client.write(calls.depositVotesCall(amountWei), signal)
  }

  /** Unwraps GOPEN, to this account. */
  withdraw(amountWei: bigint, signal?: AbortSignal): Promise<Written> {
    return this.#client.write(calls.withdrawVotesCall(this.#client.account, amountWei), signal)
  }

  delegate(to: Address, signal?: AbortSignal): Promise<Written> {
    return this.#client.write(calls.delegateCall(to), signal)
  }

  async propose(
    changes: readonly calls.Change[],
    because: string,
    signal?: AbortSignal,
  ): Promise<Written & { readonly id: bigint }> {
    const proposer = this.#client.account
    const proposal = { params: this.#addresses.params, changes, because, proposer }
    const written = await this.#client.write(calls.proposeCall(proposal), signal)
    return { ...written, id: calls.proposalIdOf(proposal) }
  }

  vote(id: bigint, ballot: calls.Ballot, signal?: AbortSignal): Promise<Written> {
    return this.#client.write(calls.voteCall(id, ballot), signal)
  }

  queue(id: bigint, signal?: AbortSignal): Promise<Written> {
    return this.#client.write(calls.queueCall(id), signal)
  }

  execute(id: bigint, signal?: AbortSignal): Promise<Written> {
    return this.#client.write(calls.executeCall(id), signal)
  }

  /** Votes that a proposer must have, in wei of GOPEN. */
  thresholdWei(signal?: AbortSignal): Promise<bigint> {
    return this.#client.read(
      (chain) => chain.readContract({ ...this.#governor, functionName: 'proposalThreshold' }),
      signal,
    )
  }

  /** Votes that an account has for a proposal: those delegated to it when the vote began. */
  weightWei({ votesFromMs }: ProposalView, account: Address, signal?: AbortSignal) {
    const args = [account, BigInt(votesFromMs / 1000)] as const
    return this.#client.read(
      (chain) => chain.readContract({ ...this.#governor, functionName: 'getVotes', args }),
      signal,
    )
  }

  hasVoted(id: bigint, account: Address, signal?: AbortSignal): Promise<boolean> {
    const args = [id, account] as const
    return this.#client.read(
      (chain) => chain.readContract({ ...this.#governor, functionName: 'hasVoted', args }),
      signal,
    )
  }

  async voter(account: Address, signal?: AbortSignal): Promise<Voter> {
    const contract = { address: this.#addresses.gOpen, abi: gOpenAbi, args: [account] } as const
    return await this.#client.read(async (chain) => {
      const [openWei, gOpenWei, delegate, votesWei] = await Promise.all([
        chain.getBalance({ address: account }),
        chain.readContract({ ...contract, functionName: 'balanceOf' }),
        chain.readContract({ ...contract, functionName: 'delegates' }),
        chain.readContract({ ...contract, functionName: 'getVotes' }),
      ])
      return { account, openWei, gOpenWei, delegate: delegate.toLowerCase() as Address, votesWei }
    }, signal)
  }

  /** Numbers of the newest proposals, the newest first. */
  ids(signal?: AbortSignal): Promise<bigint[]> {
    return this.#client.read(async (chain) => {
      const count = Number(
        await chain.readContract({ ...this.#governor, functionName: 'proposalCount' }),
      )
      const places = Array.from({ length: Math.min(count, NEWEST) }, (_, back) => count - 1 - back)
      const details = places.map((place) =>
        chain.readContract({
          ...this.#governor,
          functionName: 'proposalDetailsAt',
          args: [BigInt(place)],
        }),
      )
      return (await Promise.all(details)).map(([id]) => id)
    }, signal)
  }

  proposal(id: bigint, signal?: AbortSignal): Promise<ProposalView> {
    return this.#client.read((chain) => this.#proposal(chain, id), signal)
  }

  /** By the newest block: votes are timed by the chain's clock and not by this machine's. */
  async nowMs(signal?: AbortSignal): Promise<number> {
    const { timestamp } = await this.#client.read((chain) => chain.getBlock(), signal)
    return Number(timestamp) * 1000
  }

  /** Number of the running epoch, by the newest block. */
  async epoch(signal?: AbortSignal): Promise<number> {
    const epoch = await this.#client.read(
      (chain) => chain.readContract({ ...this.#params, functionName: 'epoch' }),
      signal,
    )
    return Number(epoch)
  }

  /** Every parameter in an epoch, with what has been announced since. */
  async parameters(epoch: number, signal?: AbortSignal): Promise<ParameterView[]> {
    const epochs = Array.from({ length: NOTICE_EPOCHS + 1 }, (_, ahead) => epoch + ahead)
    const [running, ...coming] = await Promise.all(epochs.map((at) => this.#valuesAt(at, signal)))
    return PARAMETER_NAMES.map((param, index) => {
      const value = running![index]!
      const announced = coming
        .map((values, place) => ({ fromEpoch: epoch + 1 + place, value: values[index]! }))
        .filter((change, place) => change.value !== (coming[place - 1] ?? running!)[index])
      return { param, value, announced }
    })
  }

  get #addresses() {
    return this.#client.deployment.addresses
  }

  get #governor() {
    return { address: this.#addresses.governor, abi: openGovernorAbi } as const
  }

  get #params() {
    return { address: this.#addresses.params, abi: paramsAbi } as const
  }

  async #valuesAt(epoch: number, signal?: AbortSignal): Promise<number[]> {
    const groups = Array.from({ length: PARAMETER_NAMES.length / 4 }, (_, group) => BigInt(group))
    return await this.#client.read(async (chain) => {
      const read = groups.map((group) =>
        chain.readContract({
          ...this.#params,
          functionName: 'groupAt',
          args: [group, BigInt(epoch)],
        }),
      )
      return (await Promise.all(read)).flat().map(Number)
    }, signal)
  }

  async #proposal(chain: PublicClient, id: bigint): Promise<ProposalView> {
    const contract = { ...this.#governor, args: [id] } as const
    const [state, details, votes, proposer, from, until, due] = await Promise.all([
      chain.readContract({ ...contract, functionName: 'state' }),
      chain.readContract({ ...contract, functionName: 'proposalDetails' }),
      chain.readContract({ ...contract, functionName: 'proposalVotes' }),
      chain.readContract({ ...contract, functionName: 'proposalProposer' }),
      chain.readContract({ ...contract, functionName: 'proposalSnapshot' }),
      chain.readContract({ ...contract, functionName: 'proposalDeadline' }),
      chain.readContract({ ...contract, functionName: 'proposalEta' }),
    ])
    const [againstWei, forWei, abstainWei] = votes
    const word = STATES[state]!
    const quorumWei =
      word === 'pending'
        ? undefined
        : await chain.readContract({ ...this.#governor, functionName: 'quorum', args: [from] })
    return {
      ...{ id, state: word, againstWei, forWei, abstainWei, quorumWei },
      changes: changesIn(this.#addresses.params, details[0], details[2]),
      because: await this.#textOf(chain, id),
      proposer: proposer.toLowerCase() as Address,
      votesFromMs: Number(from) * 1000,
      votesUntilMs: Number(until) * 1000,
      dueAtMs: Number(due) * 1000,
    }
  }

  /** The text of a proposal stands in the log of the block that it was made in, and nowhere else. */
  async #textOf(chain: PublicClient, id: bigint): Promise<string> {
    const block = await chain.readContract({
      ...this.#governor,
      functionName: 'proposedInBlock',
      args: [id],
    })
    const logs = await chain.getContractEvents({
      ...this.#governor,
      ...{ eventName: 'ProposalCreated', fromBlock: block, toBlock: block, strict: true },
    })
    const text = logs.find(({ args }) => args.proposalId === id)?.args.description ?? ''
    return text.replace(calls.PROPOSER_MARK, '')
  }
}
