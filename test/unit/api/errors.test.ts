import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'mocha'
import { problem, RequestError, wrong } from '../../../worker/api/errors.ts'
import { OrderError } from '../../../worker/api/orders.ts'

describe('what a caller is told of an error', () => {
  it('names the field that is wrong, and has the words that clients look for', () => {
    const error = wrong('prompt', 'too long', 'context_length_exceeded')
    deepEqual(problem(error), {
      status: 400,
      isFinal: false,
      body: {
        error: {
          ...{ message: 'prompt: too long', type: 'invalid_request_error' },
          ...{ param: 'prompt', code: 'context_length_exceeded' },
        },
      },
    })
  })

  it('says by whose fault it is, and whether to ask again is in vain', () => {
    const late = problem(new RequestError(504, 'too late', { isFinal: true }))
    equal(late.body.error.type, 'server_error')
    equal(late.isFinal, true)
    const unfunded = problem(new OrderError('unfunded', 'no money'))
    deepEqual([unfunded.status, unfunded.body.error.code], [402, 'insufficient_quota'])
    equal(problem(new Error('a mistake of ours')).status, 500)
  })
})
