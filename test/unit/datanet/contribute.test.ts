import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { Contribution } from '../../../protocol/datanet.ts'
import { utf8 } from '../../../protocol/hash.ts'
import {
  createDoor,
  type Door,
  type RefusalReason,
  type Submission,
} from '../../../worker/datanet/contribute.ts'
import { publishVersion } from '../../../worker/datanet/publish.ts'
import { edited, stream, submission, words } from './texts.ts'

const prose = (label: string, count = 200) => words(label, count).join(' ')

function reason(door: Door, offered: Submission): RefusalReason | 'accepted' {
  const verdict = door.submit(offered)
  if (verdict.accepted) {
    Contribution.parse(verdict.contribution)
    return 'accepted'
  }
  assert.ok(verdict.refusal.message.length > 20 && verdict.refusal.message.length < 600)
  return verdict.refusal.reason
}

const fresh = (offered: Submission) => reason(createDoor(), offered)

describe('door of a datanet', () => {
  it('takes a text with a licence, cleaned', () => {
    const verdict = createDoor().submit(submission(`# Title\n\n**${prose('fine')}**`))
    assert.ok(verdict.accepted)
    assert.equal(verdict.contribution.text, `Title\n\n${prose('fine')}`)
  })

  it('refuses names that are none', () => {
    for (const name of [
      '',
      'x'.repeat(257),
      'two\nlines',
      'bell\u0007',
      'hidden\u202e',
      'two\u2028lines',
    ]) {
      assert.equal(fresh(submission(prose('name'), { name })), 'bad-name', name)
    }
  })

  it('refuses what has no licence, or one that is not taken', () => {
    const licence = (value: string) => fresh(submission(prose('licence'), { licence: value }))
    for (const none of ['', '  ']) assert.equal(licence(none), 'no-licence')
    for (const other of ['GPL-3.0', 'UNLICENSED', 'SEE LICENSE IN x', 'MIT'.repeat(99)]) {
      assert.equal(licence(other), 'licence-not-allowed', other)
    }
    for (const fine of ['mit', '(MIT OR GPL-3.0)', 'Apache-2.0 WITH LLVM-exception']) {
      assert.equal(licence(fine), 'accepted', fine)
    }
  })

  it('takes a licence on several lines as one line, so that the version can be published', () => {
    for (const [licence, expected] of [
      ['MIT\n', 'MIT'],
      ['(MIT OR\n\tApache-2.0)', '(MIT OR Apache-2.0)'],
      ['MIT\u2028AND ISC', 'MIT AND ISC'],
    ] as const) {
      const verdict = createDoor().submit(submission(prose('lines'), { licence }))
      assert.ok(verdict.accepted)
      assert.equal(verdict.contribution.licence, expected)
      publishVersion('lines', [verdict.contribution])
    }
  })

  it('refuses what is no text', () => {
    const bytes = utf8(prose('binary'))
    assert.equal(fresh(submission(Uint8Array.of(...bytes, 0xff, 0xfe))), 'binary')
    assert.equal(fresh(submission(Uint8Array.of(...bytes, 0xc3))), 'binary')
    assert.equal(fresh(submission(Uint8Array.of(...bytes, 0))), 'binary')
    assert.equal(fresh(submission(`${prose('bell')}${'\u0007'.repeat(9)}`)), 'binary')
    assert.equal(fresh(submission(`${prose('form feed')}\f${prose('second')}`)), 'accepted')
    const numbers = stream('numbers')
    const table = Array.from({ length: 400 }, () => numbers.below(1e6)).join(' | ')
    assert.equal(fresh(submission(table)), 'not-text')
  })

  it('takes prose whose vowels are marks', () => {
    const hindi = [
      'नदियाँ पहाड़ों से निकलकर मैदानों को सींचती हैं और किसान अपने खेतों में गेहूँ, चावल तथा गन्ना उगाते हैं।',
      'यहाँ अनेक भाषाएँ बोली जाती हैं, और विभिन्न धर्मों के लोग एक साथ रहते हैं।',
      'हर प्रदेश का अपना संगीत, अपना नृत्य और अपना भोजन होता है, और लोग अपने त्योहार मिलकर मनाते हैं।',
    ].join(' ')
    const bengali = [
      'নদী সবকিছু সংগ্রহ করে যা স্রোতগুলি তার কাছে নিয়ে আসে,',
      'এবং যা সে সমুদ্রে নিয়ে যায় তা একসময় কারও পাহাড়ে বৃষ্টি ছিল।',
      'যে মোহনায় প্রবাহ মাপে সে এক ফোঁটা থেকে আরেক ফোঁটা আলাদা করতে পারে না।',
      'তাই আমরা উৎসের একটি বই রাখি, এবং যা পৌঁছায় তার জন্য অর্থ দিই, সবার জন্য সমানভাবে।',
    ].join(' ')
    for (const text of [hindi, bengali]) assert.equal(fresh(submission(text)), 'accepted')
  })

  it('refuses what is too short or too large, before and after cleaning', () => {
    assert.equal(fresh(submission('')), 'empty')
    assert.equal(fresh(submission('![a](b)\n<!-- c -->\n'.repeat(50))), 'empty')
    assert.equal(fresh(submission('Too short a text to learn from.')), 'too-short')
    assert.equal(fresh(submission(new Uint8Array(1024 * 1024 + 1).fill(97))), 'too-large')
    assert.equal(fresh(submission(prose('long', 60_000))), 'too-large')
  })

  it('refuses an exact copy, whatever its case, spaces and marks; the first one stands', () => {
    const door = createDoor()
    const text = prose('copied')
    assert.equal(reason(door, submission(text, { name: 'first' })), 'accepted')
    for (const copy of [
      text,
      text.toUpperCase(),
      `# ${text.split(' ').join('\n')}`,
      `<b>${text}</b>`,
    ]) {
      assert.equal(reason(door, submission(copy)), 'duplicate')
    }
    const verdict = door.submit(submission(text))
    assert.ok(!verdict.accepted && verdict.refusal.message.includes('contribution 0 ("first")'))
  })

  it('refuses a copy with letters that only look the same, or with marks in its words', () => {
    const text = prose('dressed')
    const door = createDoor()
    reason(door, submission(text))
    for (const [letter, dressed] of [
      [/(?<=\w)(?=\w)/g, '\ufe0f'],
      [/(?<=\w)(?=\w)/g, '\u034f'],
      [/(?<=\w)(?=\w)/g, '\u3164'],
      [/[aeiou]/g, '$&\u0323'],
      [/a/g, '\uff41'],
      [/e/g, '\u0435'],
      [/o/g, '\u03bf'],
    ] as const) {
      const verdict = reason(door, submission(text.replace(letter, dressed)))
      assert.match(verdict, /duplicate/, JSON.stringify(dressed))
    }
  })

  it('refuses a near copy by its share of new words', () => {
    const original = words('near', 400)
    for (const [every, expected] of [
      [50, 'near-duplicate'],
      [20, 'near-duplicate'],
      [4, 'accepted'],
    ] as const) {
      const door = createDoor()
      assert.equal(reason(door, submission(original.join(' '))), 'accepted')
      assert.equal(
        reason(door, submission(edited(original, every).join(' '))),
        expected,
        `1 in ${every}`,
      )
    }
  })

  it('refuses a copy with some text around it, and takes one quoted in a longer text', () => {
    const original = prose('quoted', 300)
    const door = createDoor()
    reason(door, submission(original))
    assert.equal(reason(door, submission(`${prose('intro', 100)} ${original}`)), 'near-duplicate')
    assert.equal(reason(door, submission(`${prose('own', 900)} ${original}`)), 'accepted')
  })

  it('remembers what the datanet already holds, and nothing of what it refused', () => {
    const text = prose('earlier')
    const first = createDoor().submit(submission(text))
    assert.ok(first.accepted)
    assert.equal(reason(createDoor(undefined, [first.contribution]), submission(text)), 'duplicate')
    const door = createDoor()
    assert.equal(reason(door, submission(text, { licence: '' })), 'no-licence')
    assert.equal(reason(door, submission(text)), 'accepted')
  })

  it('never repeats control characters or long names of strangers', () => {
    const verdict = createDoor().submit(submission('x', { name: `\u001b[31m${'n'.repeat(500)}` }))
    assert.ok(!verdict.accepted)
    assert.ok(!/\p{C}/u.test(verdict.refusal.name) && verdict.refusal.name.length <= 80)
  })

  it('bears any bytes', () => {
    const source = stream('fuzz')
    const door = createDoor()
    for (let i = 0; i < 300; i++) {
      const ascii = i % 2 === 0
      const content = Uint8Array.from({ length: source.below(600) }, () =>
        source.below(ascii ? 128 : 256),
      )
      reason(door, submission(content, { name: `fuzz ${i}` }))
    }
  })
})
