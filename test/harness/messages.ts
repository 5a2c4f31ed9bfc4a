/** Keys, domains and well-formed messages for tests, each made from a number so that tests read short. */
import fc from 'fast-check'
import { blockOf } from '../../protocol/document.ts'
import { type Address, type Cid, MAX_WEI } from '../../protocol/fields.ts'
import { type Hash, keccak, keccakHash, utf8, word } from '../../protocol/hash.ts'
import type { Job } from '../../protocol/job.ts'
import { KINDS, type Message } from '../../protocol/message.ts'
import { REFUSALS } from '../../protocol/refusal.ts'
import { addressOf, publicKeyOf, sign } from '../../protocol/signature.ts'
import { type Domain, digest } from '../../protocol/struct.ts'
import { Voucher } from '../../protocol/voucher.ts'
import { WITNESS_LEVELS } from '../../protocol/witness.ts'

export const NOW_MS = 1_800_000_000_000
export const MESSAGES: Domain = { chainId: 1612, contract: `0x${'c'.repeat(40)}` as Address }
export const VOUCHERS: Domain = { chainId: 1612, contract: `0x${'e'.repeat(40)}` as Address }

interface Key {
  readonly privateKey: Uint8Array
  readonly address: Address
}

export function keyNumber(number: number): Key {
  const held = KEYS.get(number)
  if (held) return held
  const privateKey = keccak(utf8('test key'), word(number))
  const key = { privateKey, address: addressOf(publicKeyOf(privateKey)) }
  KEYS.set(number, key)
  return key
}

const KEYS = new Map<number, Key>()

export function hashNumber(number: number): Hash {
  return keccakHash(utf8('test hash'), word(number))
}

export function cidNumber(number: number): Cid {
  return blockOf(keccak(utf8('test content'), word(number))).cid
}

/** A job of `requester`, paid for by a voucher that reaches far. */
export function jobNumber(number: number, requester: number, change: Partial<Job> = {}): Job {
  const { privateKey, address } = keyNumber(requester)
  const voucher = { payer: address, cumulativeWei: 10n ** 18n }
  return {
    requester: address,
    task: 'inference',
    model: cidNumber(1),
    adapter: cidNumber(2),
    input: cidNumber(1000 + number),
    precision: 'cpu-exact',
    maxUnits: 64,
    unitWei: 10n ** 12n,
    voucherWei: voucher.cumulativeWei,
    voucherSignature: sign(digest(Voucher, voucher, VOUCHERS), privateKey),
    seedBlock: 1,
    providers: ['/ip4/127.0.0.1/tcp/4801'],
    nonce: hashNumber(number),
    issuedAtMs: NOW_MS,
    deadlineMs: NOW_MS + 600_000,
    ...change,
  }
}

const hash = fc.integer({ min: 0, max: 2 ** 31 }).map(hashNumber)
const cid = fc.integer({ min: 0, max: 2 ** 31 }).map(cidNumber)
const address = fc.integer({ min: 0, max: 20 }).map((number) => keyNumber(number).address)
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const uint64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const wei = fc.bigInt({ min: 0n, max: MAX_WEI })
const signature = fc
  .uint8Array({ minLength: 65, maxLength: 65 })
  .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const)

/** Records as decoding gives them, with an ordinary prototype. */
const PLAIN = { noNullPrototype: true }

const BODIES: { readonly [K in Message['kind']]: fc.Arbitrary<unknown> } = {
  job: fc.record(
    {
      requester: address,
      task: fc.constantFrom('inference', 'fine-tune'),
      model: cid,
      adapter: fc.oneof(cid, fc.constant('')),
      input: cid,
      precision: fc.constant('cpu-exact'),
      maxUnits: uint32,
      unitWei: wei,
      voucherWei: wei,
      voucherSignature: signature,
      seedBlock: uint64,
      providers: fc.array(fc.string({ maxLength: 60 }), { maxLength: 4 }),
      nonce: hash,
      issuedAtMs: uint64,
      deadlineMs: uint64,
    },
    PLAIN,
  ),
  beat: fc.record(
    {
      jobId: hash,
      worker: address,
      done: uint32,
      total: uint32,
      lossMicro: uint32,
      state: fc.oneof(fc.constant('' as const), cid),
      issuedAtMs: uint64,
    },
    PLAIN,
  ),
  refusal: fc.record(
    { jobId: hash, worker: address, reason: fc.constantFrom(...REFUSALS), issuedAtMs: uint64 },
    PLAIN,
  ),
  claim: fc.record(
    {
      jobId: hash,
      worker: address,
      output: cid,
      commitment: hash,
      attribution: hash,
      units: uint32,
      graph: hash,
      issuedAtMs: uint64,
    },
    PLAIN,
  ),
  vote: fc.record(
    {
      jobId: hash,
      claim: hash,
      validator: address,
      verdict: fc.constantFrom('pass', 'fail', 'inconclusive'),
      reason: fc.constantFrom('none', 'tokens-differ', 'rows-differ'),
      checked: uint32,
      beaconBlock: uint64,
      seal: hash,
      issuedAtMs: uint64,
    },
    PLAIN,
  ),
  opening: fc.record(
    {
      jobId: hash,
      claim: hash,
      validator: address,
      transcript: hash,
      state: hash,
      path: uint32,
      siblings: fc.array(hash, { maxLength: WITNESS_LEVELS }),
      issuedAtMs: uint64,
    },
    PLAIN,
  ),
  proposal: fc.record(
    {
      proposer: address,
      number: uint64,
      previous: hash,
      claims: fc.array(hash, { maxLength: 5 }),
      epoch: uint64,
      collects: fc.boolean(),
      availability: fc.string({ maxLength: 40 }),
      votes: fc.array(hash, { maxLength: 15 }),
      issuedAtMs: uint64,
    },
    PLAIN,
  ),
  endorsement: fc.record({ validator: address, header: hash }, PLAIN),
}

/** Any well-formed message. */
export const anyMessage: fc.Arbitrary<Message> = fc
  .constantFrom(...KINDS)
  .chain((kind) => BODIES[kind].map((body) => ({ kind, body }) as Message))
