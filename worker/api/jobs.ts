/** Jobs, their answers and receipts, batches and payouts. */
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import { lastBatch } from '../../coordinator-free/ledger.ts'
import { Adapter } from '../../protocol/adapter.ts'
import { type Address, address, bytes32 } from '../../protocol/fields.ts'
import { payoutOf } from '../../protocol/payouts.ts'
import type { BatchData } from '../../protocol/settlement.ts'
import { archive, bundleReceipt } from '../receipts/bundle.ts'
import type { Service } from '../service.ts'
import { parse } from './input.ts'
import { type JobRecord, MAX_RECORDS } from './records.ts'
import { viewAnswer, viewJob } from './views.ts'
import { whyJob, whyRepeated, whyShare } from './why.ts'

const FETCH_MS = 20_000
const JobsQuery = z.object({ newest: z.coerce.number().int().min(1).default(MAX_RECORDS) })

export function jobRoutes(service: Service): Hono {
  const { runtime, records, content } = service
  /** By its id, its first digits, or as people are shown it: `0x3f2a…91c4`. */
  const recordOf = (text: string): JobRecord => {
    const [, first, last = ''] = /^(0x[0-9a-f]{2,64})(?:…([0-9a-f]+))?$/i.exec(text) ?? []
    if (first === undefined) {
      throw new HTTPException(400, {
        message: `${text} is no job: 0x and 64 digits, or the first.`,
      })
    }
    const whole = bytes32.safeParse(text.toLowerCase())
    const record = whole.success
      ? records.get(whole.data)
      : records.find(first.toLowerCase(), last.toLowerCase())
    if (record) return record
    throw new HTTPException(404, {
      message: `No job that this node has heard of since it was started is ${text}, nor one of its own orders; or several are. Ask another node.`,
    })
  }
  return new Hono()
    .get('/jobs', (c) => {
      const { ledger } = runtime.core
      const { newest } = parse(JobsQuery, c.req.query())
      const asked = records.all().slice(-newest)
      return c.json(asked.map((record) => viewJob(ledger, record, Date.now())))
    })
    .get('/jobs/:id', (c) => {
      return c.json(viewJob(runtime.core.ledger, recordOf(c.req.param('id')), Date.now()))
    })
    .get('/jobs/:id/answer', async (c) => {
      const record = recordOf(c.req.param('id'))
      const output = acceptedOutput(service, record)
      const base = service.gateway?.models.find((one) => one.cid === record.job.model)
      const decode = base?.tokenizer.decode ?? (() => '')
      return c.json(await viewAnswer(content, output, decode, AbortSignal.timeout(FETCH_MS)))
    })
    .get('/jobs/:id/adapter', async (c) => {
      const output = acceptedOutput(service, recordOf(c.req.param('id')))
      const signal = AbortSignal.timeout(FETCH_MS)
      return c.json({ adapter: output, ...(await content.get(Adapter, output, { signal })) })
    })
    .get('/jobs/:id/why', async (c) => {
      const record = recordOf(c.req.param('id'))
      const given = c.req.query('account')
      const account = given === undefined ? undefined : accountIn(given)
      const share = account && (await whyShare(service, record, account))
      const repeated = account && (await whyRepeated(service, record, account))
      const why = whyJob(service, record, Date.now())
      return c.json({ ...why, ...(share && { share }), ...(repeated && { repeated }) })
    })
    .get('/jobs/:id/receipt', async (c) => {
      const record = recordOf(c.req.param('id'))
      const file = await bundleReceipt(service, record, AbortSignal.timeout(FETCH_MS))
      if (!file) throw new HTTPException(409, { message: 'This job is not in a final batch yet.' })
      c.header('content-type', 'application/vnd.ipld.car')
      // Where a block is missing the connection breaks off: half a file must not look like a whole one.
      return c.body(ReadableStream.from(archive(content, file, c.req.raw.signal)))
    })
    .get('/payouts/:account', (c) => c.json(payoutFor(service, accountIn(c.req.param('account')))))
    .get('/payouts', (c) => {
      const after = c.req.query('after')
      return c.json(payouts(service, after === undefined ? after : accountIn(after)))
    })
}

/** As wallets write it, too, with capitals. @throws HTTPException 400 */
function accountIn(text: string): Address {
  const parsed = address.safeParse(text.toLowerCase())
  if (parsed.success) return parsed.data
  throw new HTTPException(400, { message: `${text} is no account: 0x and 40 digits.` })
}

/** @throws HTTPException 409 while no claim is accepted */
function acceptedOutput({ runtime }: Service, record: JobRecord) {
  const { accepted } = viewJob(runtime.core.ledger, record, Date.now())
  if (accepted) return accepted.output
  throw new HTTPException(409, { message: 'No claim on this job is accepted yet.' })
}

/** Accounts in one answer; `after` asks for those that follow. */
const LISTED = 1000

/** Everyone's cumulative payout after the newest final batch, by account, from behind one of them on. */
function payouts(service: Service, after: Address | '' = '') {
  const listed = []
  for (const page of payable(service)?.pages ?? []) {
    if (listed.length >= LISTED) break
    listed.push(...page.filter(({ account }) => account > after))
  }
  return listed.slice(0, LISTED).map(({ account, cumulativeWei }) => {
    return { account, cumulativeWei: `${cumulativeWei}` }
  })
}

/** The batch by which people are paid now. */
function payable({ runtime }: Service): BatchData | undefined {
  const { ledger } = runtime.core
  for (let number = lastBatch(ledger); number > 0; number--) {
    const batch = ledger.batches.get(number)
    if (batch?.final && batch.data?.collects) return batch.data
  }
  return undefined
}

/** What an account may claim, with the proof that `Payout.claim` takes. */
function payoutFor(service: Service, account: Address) {
  const batch = payable(service)
  const payout = batch && payoutOf(batch.pages, account)
  if (payout) {
    const { cumulativeWei, way } = payout
    const { path, siblings } = way
    return {
      account,
      batch: batch.number,
      cumulativeWei: `${cumulativeWei}`,
      path: `${path}`,
      siblings,
    }
  }
  throw new HTTPException(404, { message: `Nothing has been earned by ${account} yet.` })
}
