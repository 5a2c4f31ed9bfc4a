/** One answer on a real chain: its job, its claim, what auditors say of it, and the batch that settles it as passed by some. */
import { Endorsement, headerHash } from '../../protocol/batch.ts'
import { type Envelope, seal } from '../../protocol/envelope.ts'
import { splitFee, splitOf } from '../../protocol/fee.ts'
import type { Cid } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8, ZERO_HASH } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import type { Message } from '../../protocol/message.ts'
import { NOWHERE, transcriptSeal } from '../../protocol/opening.ts'
import { INITIAL_VALUES } from '../../protocol/parameters.ts'
import type { Receipt } from '../../protocol/receipt.ts'
import { type BatchData, headerOf } from '../../protocol/settlement.ts'
import { sign } from '../../protocol/signature.ts'
import { digest } from '../../protocol/struct.ts'
import { INITIAL_STRICTNESS_THOUSANDTHS } from '../../protocol/threshold.ts'
import { Voucher } from '../../protocol/voucher.ts'
import type { ChainClient } from '../../worker/chain/client.ts'
import { domainOf } from '../../worker/chain/deployment.ts'
import { type EmbeddedChain, fineTuneReceipt, type Person, person } from './embedded-chain.ts'

const OPEN = 10n ** 18n
const FEE = 10n ** 15n
export const OUTPUT = 'bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi' as Cid
export const WORKER = person('worker')
const PAYER = person('payer')

export class JudgedBatch {
  readonly job: Envelope
  readonly claim: Envelope
  readonly data: BatchData
  readonly payer: ChainClient
  readonly #chain: EmbeddedChain

  private constructor(chain: EmbeddedChain, payer: ChainClient, passedBy: readonly Person[]) {
    this.#chain = chain
    this.payer = payer
    this.job = this.#orderedJob()
    this.claim = this.#signed({ kind: 'claim', body: this.#claimOn(this.job.digest) }, WORKER)
    this.data = this.#dataOf(passedBy)
  }

  /** Stakes the worker, pays the payer's money in, and signs all but the votes. */
  static async of(chain: EmbeddedChain, passedBy: readonly Person[]): Promise<JudgedBatch> {
    await chain.stake(WORKER, ['worker'], 10n * OPEN)
    const payer = await chain.clientOf(PAYER)
    await payer.deposit(PAYER.account, OPEN)
    return new JudgedBatch(chain, payer, passedBy)
  }

  vote(by: Person, verdict: 'pass' | 'fail', transcript = ZERO_HASH): Envelope {
    const [{ digest: jobId }, { digest: claim }] = [this.job, this.claim]
    const body = {
      ...{ jobId, claim, validator: by.account, verdict },
      reason: verdict === 'pass' ? 'none' : 'tokens-differ',
      ...{ checked: 1, beaconBlock: 1, issuedAtMs: Date.now() },
      seal: transcriptSeal(claim, transcript, by.account),
    } as const
    return this.#signed({ kind: 'vote', body }, by)
  }

  opening(by: Person, transcript: Hash): Envelope {
    const [{ digest: jobId }, { digest: claim }] = [this.job, this.claim]
    const { state, path } = NOWHERE
    const told = { transcript, state, path, siblings: [], issuedAtMs: Date.now() }
    const body = { jobId, claim, validator: by.account, ...told }
    return this.#signed({ kind: 'opening', body }, by)
  }

  async post(endorsers: readonly Person[]): Promise<void> {
    const header = headerOf(this.data)
    const endorsements = endorsers
      .map(({ key, account }) => {
        const endorsement = { validator: account, header: headerHash(header) }
        const domain = domainOf(this.#chain.deployment, 'resultLedger')
        return {
          validator: account,
          signature: sign(digest(Endorsement, endorsement, domain), key),
        }
      })
      .sort((a, b) => (a.validator < b.validator ? -1 : 1))
    await this.payer.postBatch({ header, endorsements, charges: this.data.charges })
  }

  #signed(message: Message, by: Person): Envelope {
    return seal(message, by.key, domainOf(this.#chain.deployment, 'resultLedger'))
  }

  #voucher() {
    const promised = { payer: PAYER.account, cumulativeWei: OPEN }
    const domain = domainOf(this.#chain.deployment, 'feeEscrow')
    return { ...promised, signature: sign(digest(Voucher, promised, domain), PAYER.key) }
  }

  #orderedJob(): Envelope {
    const nowMs = Date.now()
    const body: Job = {
      requester: PAYER.account,
      task: 'inference',
      ...{ model: OUTPUT, input: OUTPUT, maxUnits: 10 },
      adapter: '',
      precision: 'cpu-exact',
      unitWei: FEE / 10n,
      voucherWei: OPEN,
      voucherSignature: this.#voucher().signature,
      seedBlock: 0,
      providers: [],
      nonce: keccakHash(utf8('nonce')),
      issuedAtMs: nowMs,
      deadlineMs: nowMs + 600_000,
    }
    return this.#signed({ kind: 'job', body }, PAYER)
  }

  #claimOn(jobId: Hash) {
    const [commitment, graph] = [keccakHash(utf8('commitment')), keccakHash(utf8('graph'))]
    const work = { output: OUTPUT, commitment, attribution: ZERO_HASH, units: 10, graph }
    return { jobId, worker: WORKER.account, ...work, issuedAtMs: Date.now() }
  }

  /** Beside the answer it settles a sound fine-tune. */
  #dataOf(passedBy: readonly Person[]): BatchData {
    const sound = fineTuneReceipt('sound', PAYER.account, FEE)
    const answer: Receipt = {
      ...sound,
      task: 'inference',
      jobId: this.job.digest,
      claim: this.claim.digest,
      worker: WORKER.account,
      passedBy: passedBy.map(({ account }) => account).sort(),
      ...{ output: OUTPUT, units: 10, ...splitFee(FEE, splitOf('inference', INITIAL_VALUES)) },
    }
    const { cumulativeWei, signature } = this.#voucher()
    return {
      ...{ number: 1, previous: ZERO_HASH, epoch: this.#chain.epoch, collects: true },
      proposer: passedBy[0]!.account,
      ...{ strictness: INITIAL_STRICTNESS_THOUSANDTHS, answers: 0, payees: 0 },
      receipts: [sound, answer],
      pages: [[{ account: WORKER.account, cumulativeWei: FEE }]],
      carries: [],
      charges: [{ payer: PAYER.account, feeWei: 2n * FEE, cumulativeWei, signature }],
    }
  }
}
