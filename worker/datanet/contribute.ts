/**
 * The door of a datanet: what is checked before a text becomes a contribution. Each refusal has a reason from a closed list
 * and says what its contributor can do about it. Of two like texts the earlier one is the contribution; the later earns nothing.
 */
import { Contribution, MAX_CONTRIBUTION_LENGTH } from '../../protocol/datanet.ts'
import type { Address } from '../../protocol/fields.ts'
import { type Hash, keccakHash, utf8 } from '../../protocol/hash.ts'
import { cleanMarkdown } from './clean.ts'
import { licenceAllowed, PERMISSIVE_LICENCES } from './licence.ts'
import { NearDuplicates, shingles } from './near-duplicates.ts'

/** What somebody offers: a Markdown or plain text file as it is. */
export interface Submission {
  readonly contributor: Address
  /** What its contributor calls it. */
  readonly name: string
  /** SPDX expression; empty where none was declared. */
  readonly licence: string
  readonly content: Uint8Array
}

export interface DoorRules {
  /** SPDX ids. */
  readonly licences: ReadonlySet<string>
  /** Bytes of a submission. */
  readonly maxBytes: number
  /** UTF-16 units left after cleaning, at the least. */
  readonly minLength: number
  /** Share of letters among the characters that are not spaces, at the least. */
  readonly minLetterShare: number
  /** Share of its three-word runs that one earlier text may have, too. */
  readonly maxShared: number
}

const DOOR_RULES: DoorRules = {
  licences: PERMISSIVE_LICENCES,
  maxBytes: 1024 * 1024,
  // Some forty words: less is a title and a badge, and makes no training example.
  minLength: 250,
  // Prose has 0.95, code 0.75; tables of numbers and dumps have less.
  minLetterShare: 0.6,
  // Of 698 PEPs 15 have more: another's successor, or a form filled in anew.
  maxShared: 0.5,
}

export type RefusalReason =
  /** Empty, too long, or with invisible characters. */
  | 'bad-name'
  | 'no-licence'
  | 'licence-not-allowed'
  | 'too-large'
  /** No UTF-8, or control characters. */
  | 'binary'
  /** Nothing is left after cleaning. */
  | 'empty'
  | 'too-short'
  /** Too few letters among its characters. */
  | 'not-text'
  | 'duplicate'
  | 'near-duplicate'
  /** Validators have found it to be spam, in an earlier version. */
  | 'judged-spam'

export interface Refusal {
  readonly name: string
  readonly reason: RefusalReason
  /** What was wrong, with figures, and what to do. */
  readonly message: string
}

type Verdict =
  | { readonly accepted: true; readonly contribution: Contribution }
  | { readonly accepted: false; readonly refusal: Refusal }

/** Decides on submissions one by one, remembering what it accepted. */
export interface Door {
  submit(submission: Submission): Verdict
}

/** A door to a datanet that already holds `earlier` contributions. */
export function createDoor(
  rules: DoorRules = DOOR_RULES,
  earlier: readonly Contribution[] = [],
): Door {
  const accepted: string[] = []
  const exact = new Map<Hash, number>()
  const near = new NearDuplicates()
  const remember = ({ name, text }: Contribution): void => {
    exact.set(fingerprint(text), accepted.length)
    near.add(shingles(text))
    accepted.push(name)
  }
  const copyOf = (text: string): Fault | undefined => {
    const same = exact.get(fingerprint(text))
    if (same !== undefined) {
      const message = `its text is that of contribution ${same} (${quote(accepted[same]!)})`
      return ['duplicate', `${message}, which came first; offer something of your own`]
    }
    const like = near.find(shingles(text), rules.maxShared)
    if (like === undefined) return undefined
    const first = `contribution ${like.number} (${quote(accepted[like.number]!)})`
    const share = `${Math.floor(100 * like.share)} %`
    const limit = `${Math.floor(100 * rules.maxShared)} %`
    const message = `${share} of its three-word runs are those of ${first}; the limit is ${limit}`
    return ['near-duplicate', `${message}: leave out what is not new`]
  }
  for (const contribution of earlier) remember(contribution)
  return {
    submit: (submission) => {
      const { contributor, name } = submission
      const licence = oneLine(submission.licence)
      const refuse = ([reason, message]: Fault): Verdict => ({
        accepted: false,
        refusal: { name: shown(name), reason, message },
      })
      const text = readText({ ...submission, licence }, rules)
      if (typeof text !== 'string') return refuse(text)
      const fault = textFault(text, rules) ?? copyOf(text)
      if (fault !== undefined) return refuse(fault)
      const contribution = { contributor, name, licence, text }
      remember(contribution)
      return { accepted: true, contribution }
    },
  }
}

type Fault = readonly [reason: RefusalReason, message: string]

/** The submission's text, cleaned, or what is wrong with its form. The cheap checks stand first. */
function readText({ name, licence, content }: Submission, rules: DoorRules): string | Fault {
  if (/\p{C}/u.test(name) || !Contribution.shape.name.safeParse(name).success) {
    return ['bad-name', 'a name has 1 to 256 printable characters on one line; give it another']
  }
  const fault = licenceFault(licence, rules.licences)
  if (fault !== undefined) return fault
  if (content.length > rules.maxBytes) {
    const size = `it has ${content.length} bytes, more than ${rules.maxBytes}`
    return ['too-large', `${size}; offer it in parts`]
  }
  let source: string
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return ['binary', 'it is not UTF-8; offer plain text or Markdown, saved as UTF-8']
  }
  const controls = source.match(CONTROLS)?.length ?? 0
  if (source.includes('\0') || controls * CONTROLS_ONE_IN > source.length) {
    return ['binary', `it has ${controls} control characters; offer plain text or Markdown`]
  }
  return cleanMarkdown(source)
}

/** `Contribution` bounds licences so. */
const MAX_LICENCE = 128

/** Control characters that no text needs. */
const CONTROLS = /(?![\t\n\f\r])\p{Cc}/gu
/** One in a thousand is a slip; more is no text. */
const CONTROLS_ONE_IN = 1000

function licenceFault(licence: string, allowed: ReadonlySet<string>): Fault | undefined {
  const choice = [...allowed].join(', ')
  if (licence === '') {
    return ['no-licence', `it declares no licence; declare one of ${choice}`]
  }
  const granted = licence.length <= MAX_LICENCE ? licenceAllowed(licence, allowed) : undefined
  if (granted) return undefined
  const what = granted === undefined ? 'is no SPDX expression' : 'is not taken here'
  return ['licence-not-allowed', `the licence ${quote(licence)} ${what}; taken are ${choice}`]
}

function textFault(text: string, rules: DoorRules): Fault | undefined {
  if (text === '') return ['empty', 'no text is left without images, tags and long code; add prose']
  if (text.length < rules.minLength) {
    const size = `${text.length} characters of text are left, fewer than ${rules.minLength}`
    return ['too-short', `${size}; add prose`]
  }
  if (text.length > MAX_CONTRIBUTION_LENGTH) {
    const size = `it has ${text.length} characters, more than ${MAX_CONTRIBUTION_LENGTH}`
    return ['too-large', `${size}; offer it in parts`]
  }
  // Vowels of Devanagari, Bengali or Tamil are marks: a third of what stands in their prose.
  const letters = text.match(/[\p{L}\p{M}]/gu)?.length ?? 0
  const signs = text.match(/\P{Z}/gu)?.length ?? 0
  if (letters >= rules.minLetterShare * signs) return undefined
  const share = `${Math.floor((100 * letters) / signs)} % of its characters are letters`
  const limit = `${Math.ceil(100 * rules.minLetterShare)} %`
  return ['not-text', `${share}, ${limit} are needed; leave out tables and data`]
}

/** An SPDX expression is the same however its parts stand apart. */
function oneLine(licence: string): string {
  return licence.trim().replaceAll(/\s+/g, ' ')
}

/** Texts that differ in spaces and case alone are the same. */
function fingerprint(text: string): Hash {
  return keccakHash(utf8(text.toLowerCase().split(/\s+/).join(' ')))
}

/** A stranger's words in a message: short, on one line. */
function quote(text: string): string {
  return `"${shown(text)}"`
}

function shown(text: string): string {
  const plain = text.replace(/\p{C}/gu, '')
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain
}
