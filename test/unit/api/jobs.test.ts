import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'mocha'
import { createApp } from '../../../worker/api/app.ts'
import { Records } from '../../../worker/api/records.ts'
import type { Service } from '../../../worker/service.ts'
import { addressNumber, council, GATEWAY, jobEnvelope, receive } from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'

/** Nothing in it says again what was said. */
const ADAPTER = { index: { duplicates: [] } }

describe('what a node says of a job', () => {
  const core = council(GATEWAY)
  const records = new Records()
  const [job, other] = [jobEnvelope(1), jobEnvelope(2)]
  for (const envelope of [job, other]) {
    receive(core, envelope)
    records.hear({ kind: 'message', envelope }, NOW_MS)
  }
  const app = createApp({
    ...{ config: { apiHost: '127.0.0.1' }, key: { address: addressNumber(GATEWAY) } },
    ...{ runtime: { core }, records, content: { get: async () => ADAPTER } },
  } as unknown as Service)
  const ask = async (path: string) => {
    const response = await app.request(`http://127.0.0.1/v1${path}`)
    return { status: response.status, said: await response.text() }
  }

  it('is found by its id, by what people are shown of it, and by its first digits', async () => {
    const id = job.digest
    const shown = `${id.slice(0, 6)}…${id.slice(-4)}`
    for (const text of [id, id.toUpperCase().replace('0X', '0x'), shown, id.slice(0, 10)]) {
      const { status, said } = await ask(`/jobs/${encodeURIComponent(text)}/why`)
      equal(status, 200, said)
      equal(JSON.parse(said).jobId, id)
    }
    const shared = `${id.slice(0, 6)}…${other.digest.slice(-4)}`
    equal((await ask(`/jobs/${encodeURIComponent(shared)}`)).status, 404)
    match((await ask('/jobs/rivers')).said, /rivers is no job: 0x and 64 digits/)
  })

  it('is told of the newest where these are enough', async () => {
    const idsIn = (said: string) => JSON.parse(said).map((view: { jobId: string }) => view.jobId)
    deepEqual(idsIn((await ask('/jobs?newest=1')).said), [other.digest])
    deepEqual(idsIn((await ask('/jobs')).said), [job.digest, other.digest])
    equal((await ask('/jobs?newest=none')).status, 400)
  })

  it('tells of an account, however it is written', async () => {
    const account = '0x52908400098527886E0F7030069857D2E4169EE7'
    const { said } = await ask(`/jobs/${job.digest}/why?account=${account}`)
    match(JSON.parse(said).share.says, /known when it is settled/)
    match(
      (await ask(`/payouts/${account}`)).said,
      /Nothing has been earned by 0x52908400098527886e/,
    )
    match((await ask('/payouts/0x12')).said, /0x12 is no account: 0x and 40 digits/)
  })

  it('is at a gateway where it was asked of another node', async () => {
    match((await ask('/models')).said, /This node is no gateway\. .*--roles gateway/)
    match((await ask('/nothing')).said, /There is no GET \/v1\/nothing here/)
  })
})
