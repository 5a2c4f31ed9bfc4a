/**
 * What a core was given, event by event with its time, and a digest of what it gave back: whoever builds the same core and
 * gives it the same events gets the same effects. Here is the form in which that is written down, a JSON text a line.
 */
import { BatchHeader } from '../protocol/batch.ts'
import type { Role } from '../protocol/chain.ts'
import type { Address } from '../protocol/fields.ts'
import { keccak, toHex, utf8 } from '../protocol/hash.ts'
import { KINDS, MESSAGES } from '../protocol/message.ts'
import { Receipt } from '../protocol/receipt.ts'
import type { Domain } from '../protocol/struct.ts'
import { Voucher } from '../protocol/voucher.ts'
import type { WorkTerms } from './duties.ts'
import type { Effect, Event } from './events.ts'
import { toText } from './exact-text.ts'
import type { CoreOptions } from './node.ts'
import type { ParameterTerms } from './parameters.ts'

export const RECORDING = 'tributary recording'
/** Of the form of lines; what is in them changes with `MESSAGE_FORMS`. */
export const RECORDING_VERSION = 2

/** Stands for the forms of all that is signed: bytes of other forms would be malformed here. */
export const MESSAGE_FORMS = shortHash(
  [...KINDS.map((kind) => MESSAGES[kind]), Voucher, Receipt, BatchHeader]
    .map(({ type }) => type)
    .join(),
)

/** All that a core is made of, as plain values. No key is among them: a core signs nothing. */
export interface CoreSettings {
  readonly self: Address
  /** Where messages and vouchers are signed for. */
  readonly messages: Domain
  readonly vouchers: Domain
  readonly treasury: Address
  readonly stakers: Address
  readonly parameters?: ParameterTerms
  readonly terms?: WorkTerms
  readonly challengeBudgetWei?: bigint
}

export function coreOptionsOf(settings: CoreSettings): CoreOptions {
  const { messages, vouchers, treasury, stakers, ...rest } = settings
  return { ...rest, gate: { messages, vouchers }, rules: { treasury, stakers } }
}

/** A core begins: the first line, and once more wherever the node was started again. */
export interface StartLine {
  readonly kind: 'start'
  readonly format: typeof RECORDING
  readonly version: number
  readonly messageForms: string
  readonly atMs: number
  /** For people: the core knows roles by the chain alone. */
  readonly roles: readonly Role[]
  readonly core: CoreSettings
}

export type RecordedLine =
  | StartLine
  /** Blocks were taken back: a new core of the same settings begins. */
  | { readonly kind: 'rebuilt'; readonly atMs: number }
  | {
      readonly kind: 'event'
      readonly atMs: number
      readonly event: Event
      /** The effects in words; left out, as is the digest, where there were none. */
      readonly did?: string
      readonly digest?: string
      /** What the core died of, in place of effects. */
      readonly threw?: string
    }
  /** The file was full: the node went on, unrecorded. */
  | { readonly kind: 'full'; readonly atMs: number }

export function startLine(atMs: number, roles: readonly Role[], core: CoreSettings): StartLine {
  const form = { version: RECORDING_VERSION, messageForms: MESSAGE_FORMS }
  return { kind: 'start', format: RECORDING, ...form, atMs, roles, core }
}

/** @param outcome the effects, or what was thrown in their place */
export function eventLine(
  atMs: number,
  event: Event,
  outcome: readonly Effect[] | Error,
): RecordedLine {
  const line = { kind: 'event', atMs, event } as const
  if (outcome instanceof Error) return { ...line, threw: outcome.message }
  if (outcome.length === 0) return line
  return { ...line, did: inWords(outcome), digest: digestOf(outcome) }
}

/** 64 bits of a hash of all that the effects are; the empty text where there are none. */
export function digestOf(effects: readonly Effect[]): string {
  return effects.length === 0 ? '' : shortHash(toText(effects))
}

const MOST_WORDS = 12

/** `judge accept admitted, tell message, execute 0x…`. */
export function inWords(effects: readonly Effect[]): string {
  const words = effects.slice(0, MOST_WORDS).map(wordsOf)
  const left = effects.length - words.length
  return [...words, ...(left > 0 ? [`${left} more`] : [])].join(', ')
}

function wordsOf(effect: Effect): string {
  switch (effect.kind) {
    case 'judge':
      return `judge ${effect.judgement.verdict} ${effect.judgement.reason}`
    case 'tell':
      return `tell ${effect.news.kind}`
    case 'keep':
      return `keep ${effect.block.cid}`
    case 'reconcile':
      return `reconcile ${effect.have.length}`
    case 'answer':
      return `answer ${effect.envelopes.length}`
    case 'publish':
      return `publish ${effect.message.kind} (${effect.duty})`
    default:
      return effect.duty
  }
}

function shortHash(text: string): string {
  return toHex(keccak(utf8(text)).subarray(0, 8)).slice(2)
}
