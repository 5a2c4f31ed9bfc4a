import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { licenceAllowed, PERMISSIVE_LICENCES } from '../../../worker/datanet/licence.ts'

const allowed = (expression: string) => licenceAllowed(expression, PERMISSIVE_LICENCES)

describe('licenceAllowed', () => {
  it('needs one side of OR and both sides of AND, which binds closer', () => {
    assert.equal(allowed('MIT'), true)
    assert.equal(allowed('GPL-3.0'), false)
    assert.equal(allowed('GPL-3.0 OR MIT'), true)
    assert.equal(allowed('GPL-3.0 AND MIT'), false)
    assert.equal(allowed('MIT OR GPL-3.0 AND GPL-2.0'), true)
    assert.equal(allowed('(MIT OR GPL-3.0) AND GPL-2.0'), false)
    assert.equal(allowed('((ISC)) and (0BSD or X-1)'), true)
  })

  it('knows exceptions, later versions and any case', () => {
    assert.equal(allowed('apache-2.0 WITH LLVM-exception'), true)
    assert.equal(allowed('GPL-2.0-only WITH Classpath-exception-2.0'), false)
    assert.equal(allowed('Apache-2.0+'), true)
  })

  it('knows what is no SPDX expression', () => {
    const none = [
      '',
      '()',
      'MIT OR',
      'OR MIT',
      'MIT MIT',
      '(MIT',
      'MIT)',
      'MIT WITH',
      'SEE LICENSE IN x',
      'MIT/X11',
      'a b',
      'MIT OR OR MIT',
      '('.repeat(5000),
    ]
    for (const expression of none) assert.equal(allowed(expression), undefined, expression)
    assert.equal(allowed(Array.from({ length: 40 }, () => 'MIT').join(' OR ')), undefined)
  })
})
