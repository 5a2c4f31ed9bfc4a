import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { cleanMarkdown } from '../../../worker/datanet/clean.ts'

/** `input` becomes `output`. */
const cases: Record<string, readonly [input: string, output: string][]> = {
  'keeps headings and prose, without their marks': [
    [
      '# Title #\n\nSome *prose* with **bold** and _slanted_ words.',
      'Title\n\nSome prose with bold and slanted words.',
    ],
    ['Title\n=====\ntext', 'Title\ntext'],
    ['> quoted\n> > twice', 'quoted\ntwice'],
    ['* one\n+ two\n- [x] three\n1. four', '- one\n- two\n- three\n1. four'],
    ['| a | b |\n|---|:-:|\n| 1 | 2 |', 'a | b\n1 | 2'],
    [
      '#hashtag and C# and 2 * 3 * 4 and snake_case_name',
      '#hashtag and C# and 2 * 3 * 4 and snake_case_name',
    ],
  ],
  'keeps the words of links and drops their targets': [
    [
      'See [the docs](https://x.org/a_(b)) and [more][1].\n\n[1]: https://y.org "Y"',
      'See the docs and more.',
    ],
    [
      '<https://x.org> and https://y.org/z?q=1 and <me@x.org> stay out',
      'and and <me@x.org> stay out',
    ],
    ['a [link with [brackets] inside](x) here', 'a link with [brackets] inside here'],
    [
      '`list[0](1)` and list[i][j] and [lone] brackets',
      'list[0](1) and list[i][j] and [lone] brackets',
    ],
    ['claim[^1]\n\n[^1]: the note', 'claim\n\n: the note'],
  ],
  'drops badges, images, comments and tags': [
    ['[![build](https://b.svg)](https://ci)\n![alt](x.png)\ntext', 'text'],
    ['a <!-- hidden --> b\n<!-- over\nlines --> c', 'a b\nc'],
    ['kept <!-- never closed\n# lost', 'kept'],
    ['<p align="center">\n  <img src="a.png">\n</p>\n<b>bold</b><br/>next', 'bold\nnext'],
    [
      'Promise<string> and Array<T> are types, 1 < 2 > 0',
      'Promise<string> and Array<T> are types, 1 < 2 > 0',
    ],
    ['a &amp; b &lt;c&gt; &unknown; &', 'a & b <c> &unknown; &'],
    ['> [!NOTE]\n> Mind this.', 'Mind this.'],
  ],
  'drops tables of contents and front matter': [
    [
      '## Table of Contents\n- [One](#one)\n  - [Two](#two)\n1. [Three](#three)\n\n# One\ntext',
      'One\ntext',
    ],
    ['---\ntitle: x\n---\ntext', 'text'],
    ['---\nno end\n\ntext', 'no end\n\ntext'],
  ],
  'keeps short code as it stands and drops long code': [
    ['```js\nif (a) {\n  b(`x`)\n}\n```', 'if (a) {\n  b(`x`)\n}'],
    ['Use `` a ` b `` and `c`.', 'Use a ` b and c.'],
    ['a lone ` mark\n\na [link](x)\n\nanother ` mark', 'a lone mark\n\na link\n\nanother mark'],
    [`before\n~~~\n${'line\n'.repeat(31)}~~~\nafter`, 'before\n\nafter'],
    [`\`\`\`\nshort\n${'x y '.repeat(60)}\n\`\`\``, 'short'],
    ['```\nnever closed\n# not a heading', 'never closed\n# not a heading'],
    ['````\n```\ninner\n```\n````', '```\ninner\n```'],
  ],
  'drops encoded data, control and invisible characters': [
    [`key ${'QUJDREVG'.repeat(10)}== end`, 'key end'],
    ['a\u0000b\u001b[31mc\u200bd\u202ee\ufefff', 'ab[31mcdef'],
    ['a\u034fb\ufe0fc\u3164d\u{e0101}e', 'abcde'],
    [
      `marked e${'\u0315\u0300'.repeat(50)}!`,
      `marked \u00e8${'\u0300'.repeat(14)}${'\u0315'.repeat(15)}!`,
    ],
    ['one\r\ntwo\rthree\u2028four', 'one\ntwo\nthree\nfour'],
    ['tab\tand\u00a0space', 'tab and space'],
    ['e\u0301 is \u00e9', '\u00e9 is \u00e9'],
    ['e<b>\u0301</b>', '\u00e9'],
    [`e${'<b></b>\u0301'.repeat(50)}`, `\u00e9${'\u0301'.repeat(29)}`],
    ['lone \ud800 surrogate', 'lone surrogate'],
  ],
  'leaves nothing where there was nothing': [
    ['', ''],
    ['\n \n---\n***\n![](x)\n', ''],
  ],
}

describe('cleanMarkdown', () => {
  for (const [name, pairs] of Object.entries(cases)) {
    it(name, () => {
      for (const [input, output] of pairs) assert.equal(cleanMarkdown(input), output, input)
    })
  }

  it('takes any text, gives well-formed text without blanks at the ends, twice the same', () => {
    const marks = [
      ...'`*_~[](){}<>!&#|>-+.\\"\n :/',
      'http://',
      '<!--',
      '-->',
      '```',
      '&lt;',
      '<b>',
      'word',
      '1.',
    ]
    const text = fc.array(fc.oneof(fc.constantFrom(...marks), fc.string({ unit: 'binary' })), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(text, (parts) => {
        const input = parts.join('')
        const output = cleanMarkdown(input)
        assert.equal(output, output.normalize('NFC'))
        assert.ok(!/[^\P{C}\n]/u.test(output))
        assert.ok(!output.includes('\n\n\n'))
        assert.equal(output, cleanMarkdown(input))
      }),
      { numRuns: 2000 },
    )
  })

  it('takes time in proportion to hostile texts', () => {
    const hostile = [
      '[',
      '![',
      '[](',
      '(',
      '<',
      '<a ',
      '<!--',
      '`',
      '` ``',
      '*',
      '_a',
      '&',
      '\\',
      '> ',
      '#',
      '|',
      '[a]:',
      'http://',
      '[[](',
      '\n',
      '- [ ] ',
      '~~~',
      'e\u0301',
      '\u0315\u0300',
      '--- ',
      '\u200b',
      '[^',
      '`` ` ',
    ]
    const runs = (size: number) =>
      Array.from({ length: Math.sqrt(2 * size) }, (_, i) => '`'.repeat(i)).join(' ')
    const texts: ((size: number) => string)[] = [
      ...hostile.map((part) => (size: number) => part.repeat(size / part.length)),
      runs,
      (size) => `${'<'.repeat(size)}>`,
    ]
    for (const text of texts) {
      assert.ok(isProportional(text), `${JSON.stringify(text(8))} takes more than its share`)
    }
  })
})

/** Eight times the text takes at most sixteen times as long, in one of three tries: 64 times if the cost were quadratic. */
function isProportional(text: (size: number) => string): boolean {
  const short = text(20_000)
  const long = text(160_000)
  return [1, 2, 3].some(() => cost(long) < 16 * cost(short) + 20_000)
}

/** Microseconds of processor time. */
function cost(text: string): number {
  const before = process.cpuUsage()
  cleanMarkdown(text)
  return process.cpuUsage(before).user
}
