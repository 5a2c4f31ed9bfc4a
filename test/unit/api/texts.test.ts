import { equal } from 'node:assert/strict'
import { describe, it } from 'mocha'
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
    const receives = (text: string, worker = first!) =>
      texts.receive(job.digest, text, worker, NOW_MS)
    return { heard, receives }
  }

  it('comes from the worker whose turn it is', () => {
    const { heard, receives } = listening()
    receives('The ')
    receives('A lie', second)
    receives('river')
    equal(heard.join(''), 'The river')
  })

  it('is never longer than an answer, however much a worker sends', () => {
    const { heard, receives } = listening()
    for (let frame = 0; frame < 1000; frame++) receives('a'.repeat(1000))
    equal(heard.join('').length, Math.floor(MAX_ANSWER_TEXT / 1000) * 1000)
  })
})
