import { deepEqual, equal, fail, ok, rejects } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import type { Event } from '../../../coordinator-free/events.ts'
import { Adapter } from '../../../protocol/adapter.ts'
import { hasTooManyOwners, MAX_SHARES } from '../../../protocol/attribution.ts'
import type { Address } from '../../../protocol/fields.ts'
import { fromHex } from '../../../protocol/hash.ts'
import type { Job } from '../../../protocol/job.ts'
import { FineTuneSpec } from '../../../protocol/tuning.ts'
import { publishVersion } from '../../../worker/datanet/publish.ts'
import { checkTune } from '../../../worker/effects/check-tune.ts'
import { performExecute } from '../../../worker/effects/execute.ts'
import { isContentFault } from '../../../worker/effects/finding.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { jobNumber } from '../../harness/messages.ts'
import { ANSWER_ID, SEED, TUNE_ID, Workshop } from '../../harness/workshop.ts'
import { engineError } from '../engine/fixtures.ts'

const { signal } = new AbortController()

/** A quarter more than the bound: some texts are held out, and theirs are no shares. */
const CONTRIBUTORS = Math.ceil(MAX_SHARES * 1.25)
const contributor = (number: number) => `0x${number.toString(16).padStart(40, '0')}` as Address

describe('an adapter of more contributors than an answer can credit', () => {
  let shop: Workshop
  let job: Job

  before(async () => {
    shop = await Workshop.open()
    const texts = Array.from({ length: CONTRIBUTORS }, (_, number) => ({
      contributor: contributor(number),
      name: `text ${number}`,
      licence: 'CC0-1.0',
      text: `${number} ${'the river carries '.repeat(6)}`,
    }))
    const { block, shards } = publishVersion('many', texts)
    for (const held of [...shards, block]) await shop.content.keep(held)
    const usual = await shop.content.get(FineTuneSpec, shop.tuneJob.input, { signal })
    const spec = { ...usual, datanet: block.cid, exampleTokens: 16, maxExamples: CONTRIBUTORS }
    const input = await shop.content.put(FineTuneSpec, spec)
    job = jobNumber(3, 10, { ...shop.tuneJob, input })
  })

  after(() => shop?.close())

  /** What a worker says of a job; it must not have begun to train or to write. */
  async function execute(ordered: Job): Promise<Event | undefined> {
    const core = { ledger: { jobs: new Map() } }
    const dispatch = ({ kind }: Event) => fail(kind)
    const perform = performExecute({
      ...{ runtime: { core, dispatch } as never, peer: undefined as never },
      ...{ knowledge: shop.knowledge, content: shop.content, log: createLogger('silent') },
      ...{ useAdapter: true, blockHash: async () => SEED },
    })
    const duty = { kind: 'execute', duty: 'one', jobId: ANSWER_ID, job: ordered, states: [] }
    return perform(duty as never, signal)
  }

  it('is told by those who own rows, once each', () => {
    const owners = Array.from({ length: MAX_SHARES }, (_, number) => contributor(number))
    equal(hasTooManyOwners([...owners, ...owners, undefined]), false)
    equal(hasTooManyOwners([...owners, contributor(MAX_SHARES)]), true)
  })

  it('is not trained: workers refuse the order, and validators fail who claims to have done it', async () => {
    deepEqual(await execute(job), { kind: 'refused', jobId: ANSWER_ID, reason: 'order' })
    const claim = shop.claim(TUNE_ID, shop.tuned)
    const options = { signal, seed: SEED, beacon: fromHex(SEED) }
    await rejects(checkTune(shop.knowledge, shop.content, job, claim, options), (error: Error) => {
      ok(engineError('bad-input')(error))
      return isContentFault(error)
    })
  })

  it('answers nothing: who is asked refuses before a word is written', async () => {
    const document = { ...(await shop.adapter()), spec: job.input }
    const adapter = await shop.content.put(Adapter, document)
    await rejects(shop.knowledge.adapter(adapter, signal), engineError('bad-adapter'))
    const question = await shop.question('The river', adapter)
    deepEqual(await execute(question), { kind: 'refused', jobId: ANSWER_ID, reason: 'order' })
  })
})
