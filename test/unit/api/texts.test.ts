import { equal } from 'node:assert/strict'
import { describe, it } from 'mocha'
import { turnOf } from '../../../coordinator-free/assignment.ts'
import { MAX_ANSWER_TEXT } from '../../../protocol/answer.ts'
import { Texts } from '../../../worker/api/texts.ts'
import {
  addressNumber,
  council,
  GATEWAY,
  jobEnvelope,
  receive,
  turnsOf,
} from '../../harness/council.ts'
import { NOW_MS } from '../../harness/messages.ts'

describe('text of an answer on its way', () => {
  const core = council(GATEWAY)
  const job = jobEnvelope(1)
  receive(core, job)
  const [first, second] = turnsOf(core, job.digest).map(addressNumber)
  const listening = () => {
    const texts = new Texts(() => core.ledger)
    const heard: string[] = []
    texts.listen(job.digest, (text) => heard.push(text))
    const stream = (worker: typeof first) => {
      const receives = texts.from(worker)
      return (text: string, nowMs = NOW_MS) => receives(job.digest, text, nowMs)
    }
    return { heard, stream }
  }

  it('comes from the worker whose turn it is', () => {
    const { heard, stream } = listening()
    const receives = stream(first)
    receives('The ')
    stream(second)('A lie')
    stream(undefined)('Another')
    receives('river')
    equal(heard.join(''), 'The river')
  })

  it('is not repeated by a worker that tries again', () => {
    const { heard, stream } = listening()
    stream(first)('The river')
    const again = stream(first)
    for (const text of ['The ', 'river', ' is', ' deep']) again(text)
    equal(heard.join(''), 'The river is deep')
  })

  it('is left to the end of the answer where its beginning came too early', () => {
    const { heard, stream } = listening()
    const isSecond = (nowMs: number) => {
      return turnOf(core.ledger, job.digest, nowMs)?.worker.node === second
    }
    const seconds = Array.from({ length: 120 }, (_, s) => NOW_MS + 1000 * s)
    const receives = stream(second!)
    receives('The ')
    receives('river', seconds.find(isSecond))
    equal(heard.join(''), '')
    stream(second!)('The river', seconds.find(isSecond))
    equal(heard.join(''), 'The river')
  })

  it('is never longer than an answer, however much a worker sends', () => {
    const { heard, stream } = listening()
    const receives = stream(first)
    for (let frame = 0; frame < 1000; frame++) receives('a'.repeat(1000))
    equal(heard.join('').length, Math.floor(MAX_ANSWER_TEXT / 1000) * 1000)
  })
})
