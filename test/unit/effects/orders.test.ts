import { deepEqual } from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import type { Event } from '../../../coordinator-free/events.ts'
import { DatanetManifest } from '../../../protocol/datanet.ts'
import type { Job } from '../../../protocol/job.ts'
import { FineTuneSpec } from '../../../protocol/tuning.ts'
import { performExecute } from '../../../worker/effects/execute.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { jobNumber } from '../../harness/messages.ts'
import { ANSWER_ID, SEED, Workshop } from '../../harness/workshop.ts'

const { signal } = new AbortController()
const REFUSED = { kind: 'refused', jobId: ANSWER_ID, reason: 'order' }

describe('an order that nobody can carry out', () => {
  let shop: Workshop
  let spec: FineTuneSpec

  before(async () => {
    shop = await Workshop.open()
    spec = await shop.content.get(FineTuneSpec, shop.tuneJob.input, { signal })
  })

  after(() => shop?.close())

  async function execute(job: Job): Promise<Event | undefined> {
    const perform = performExecute({
      ...{ runtime: { core: { ledger: { jobs: new Map() } }, dispatch() {} } as never },
      ...{ peer: undefined as never, knowledge: shop.knowledge, content: shop.content },
      ...{ log: createLogger('silent'), useAdapter: true, blockHash: async () => SEED },
    })
    return perform(
      { kind: 'execute', duty: 'one', jobId: ANSWER_ID, job, states: [] } as never,
      signal,
    )
  }

  const ordered = async (change: Partial<FineTuneSpec>): Promise<Job> => {
    const input = await shop.content.put(FineTuneSpec, { ...spec, ...change })
    return jobNumber(3, 10, { ...shop.tuneJob, input })
  }

  it('is refused where it names no datanet', async () => {
    const job = await ordered({ datanet: shop.tuneJob.input })
    deepEqual(await execute(job), REFUSED)
  })

  it('is refused where its datanet says something untrue about itself', async () => {
    const manifest = await shop.content.get(DatanetManifest, spec.datanet, { signal })
    const lies = { ...manifest, root: SEED }
    const job = await ordered({ datanet: await shop.content.put(DatanetManifest, lies) })
    deepEqual(await execute(job), REFUSED)
  })

  it('is refused where its input is no fine-tune', async () => {
    deepEqual(await execute(jobNumber(3, 10, { ...shop.tuneJob, input: shop.model })), REFUSED)
  })
})
