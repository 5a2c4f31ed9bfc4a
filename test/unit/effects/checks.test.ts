import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { decodeFunctionData } from 'viem'
import { disputesAbi } from '../../../contracts/gen/Disputes.ts'
import type { Result } from '../../../coordinator-free/events.ts'
import { Adapter } from '../../../protocol/adapter.ts'
import { Answer, Prompt } from '../../../protocol/answer.ts'
import type { PartsOf } from '../../../protocol/attribution.ts'
import type { BatchHeader } from '../../../protocol/batch.ts'
import { answerCommitment, sketch } from '../../../protocol/commitment.ts'
import { roundAfter } from '../../../protocol/drand.ts'
import { attributionRoot, indexesRoot } from '../../../protocol/evidence.ts'
import type { Address, Cid } from '../../../protocol/fields.ts'
import { fromHex, type Hash, keccak, utf8, ZERO_HASH } from '../../../protocol/hash.ts'
import type { Job } from '../../../protocol/job.ts'
import { NOTHING_SEEN } from '../../../protocol/opening.ts'
import { random, sample } from '../../../protocol/prng.ts'
import type { Receipt } from '../../../protocol/receipt.ts'
import { candidates } from '../../../protocol/sampling.ts'
import { boundariesRoot, isWitnessed, sealPlace, witnessSeal } from '../../../protocol/witness.ts'
import { DrandBeacon } from '../../../worker/beacon/drand.ts'
import { promptTokens } from '../../../worker/effects/answering.ts'
import { checkAnswer, seenIn } from '../../../worker/effects/check-answer.ts'
import { checkTune } from '../../../worker/effects/check-tune.ts'
import { type Finding, isContentFault } from '../../../worker/effects/finding.ts'
import { proofAgainst } from '../../../worker/effects/proof.ts'
import { encodeState, stateHash } from '../../../worker/effects/tuning.ts'
import { checking, performVerify } from '../../../worker/effects/verify.ts'
import type { ModelInfo } from '../../../worker/engine/requests.ts'
import { createLogger } from '../../../worker/telemetry/logger.ts'
import { TestRelay, testNetwork } from '../../harness/drand-relay.ts'
import { cidNumber, hashNumber, keyNumber } from '../../harness/messages.ts'
import { ANSWER_ID, SEED, TUNE_ID, Workshop } from '../../harness/workshop.ts'

const { signal } = new AbortController()

const HEADER: BatchHeader = {
  number: 3,
  epoch: 5,
  proposer: keyNumber(4).address,
  receiptsRoot: ZERO_HASH,
  receiptCount: 1,
  feeWei: 0n,
  charges: ZERO_HASH,
  collectedWei: 0n,
  openWei: 0n,
  payoutRoot: ZERO_HASH,
  strictness: 1300,
  answers: 0,
  payees: 0,
  data: cidNumber(1),
  availability: '',
}

const RECEIPT: Omit<Receipt, 'task' | 'adapter' | 'output' | 'attribution'> = {
  jobId: ANSWER_ID,
  requester: keyNumber(10).address,
  worker: keyNumber(1).address,
  claim: hashNumber(8),
  passedBy: [],
  failedBy: [],
  model: cidNumber(2),
  units: 1,
  feeWei: 0n,
  workerWei: 0n,
  validatorsWei: 0n,
  modelOwnerWei: 0n,
  contributorsWei: 0n,
  stakersWei: 0n,
  treasuryWei: 0n,
}

describe('the checks of a validator', () => {
  let shop: Workshop

  before(async () => {
    shop = await Workshop.open()
  })

  after(() => shop?.close())

  /** The checks of one validator. */
  function checkBy(self: Address) {
    const { knowledge, content } = shop
    const log = createLogger('silent')
    return checking({ self, knowledge, content, log, blockHash: async () => SEED })
  }

  /** The finding on an answer with these changes, its claim made to fit where it can be. */
  async function answerWith(
    change: Partial<Answer>,
    result: Partial<Result> = {},
  ): Promise<string> {
    const answer = { ...(await shop.reply()), ...change }
    const output = await shop.content.put(Answer, answer)
    const fitting = {
      output,
      commitment: answerCommitment(answer.tokens, answer.sketches),
      attribution: attributionRoot(answer),
      units: answer.tokens.length,
    }
    return found(await judgeAnswer({ ...shop.answered, ...fitting, ...result }))
  }

  function judgeAnswer(result: Result): Promise<Finding> {
    const claim = shop.claim(ANSWER_ID, result)
    return checkAnswer(shop.knowledge, shop.content, shop.answerJob, claim, signal)
  }

  /** The finding on another answer to a job, its claim made to fit. */
  async function judgeOn(job: Job, result: Result, changed: Answer): Promise<string> {
    const { tokens, sketches } = changed
    const output = await shop.content.put(Answer, changed)
    const commitment = answerCommitment(tokens, sketches)
    const attribution = attributionRoot(changed)
    const fitting = { output, commitment, attribution, units: tokens.length }
    const claim = shop.claim(ANSWER_ID, { ...result, ...fitting })
    return found(await checkAnswer(shop.knowledge, shop.content, job, claim, signal))
  }

  /** Tokens with the next best in the place of the last, and then what is drawn, up to so many; and what else follows. */
  async function goneOn(job: Job, drawn: readonly number[], length: number) {
    const prompt = await shop.content.get(Prompt, job.input, { signal })
    const base = await shop.knowledge.base(shop.model)
    const { vocabSize, config } = base.model.info
    const asked = promptTokens(base, prompt)
    const seed = fromHex(ANSWER_ID)
    const tokens = drawn.slice(0, -1)
    let hidden = new Float32Array()
    while (tokens.length < length) {
      const read = { adapter: undefined, tokens: [...asked, ...tokens], from: asked.length - 1 }
      const { logits, ...rest } = await base.model.prefill(read, { signal })
      const best = candidates(logits.subarray(-vocabSize), seed, tokens.length, prompt)
      tokens.push(best.find(({ token }) => token !== drawn.at(-1))!.token)
      hidden = Float32Array.from(rest.hidden)
    }
    const sketches = sketch(hidden, config.width, seed)
    return [tokens, { stop: 'length', sketches }] satisfies [number[], Partial<Answer>]
  }

  /** What would be brought before the L2 against an answer with these changes, if anything. */
  async function proved(change: Partial<Answer>, receipt: Partial<Receipt> = {}) {
    const answer = { ...(await shop.reply()), ...change }
    const output = await shop.content.put(Answer, answer)
    const attribution = attributionRoot(answer)
    const held = { task: 'inference', adapter: shop.tuned.output, output, attribution, ...receipt }
    const receipts = [{ ...RECEIPT, ...held } as Receipt]
    const call = await proofAgainst(shop, { header: HEADER, receipts, index: 0 }, signal)
    return call && decodeFunctionData({ abi: disputesAbi, data: call.data }).functionName
  }

  /** The finding on an adapter with these changes. */
  async function adapterWith(
    change: Partial<Adapter>,
    result: Partial<Result> = {},
  ): Promise<string> {
    const adapter = { ...(await shop.adapter()), ...change }
    const output = await shop.content.put(Adapter, adapter)
    const fitting = {
      output,
      commitment: rootOf(adapter),
      attribution: indexesRoot(adapter.index.root, adapter.spans.root),
    }
    return judgeTune({ ...shop.tuned, ...fitting, ...result })
  }

  /** Over several beacons, since one auditor repeats one segment; the worst finding counts. */
  async function judgeTune(result: Result): Promise<string> {
    for (const label of ['a', 'b', 'c', 'd']) {
      const options = { signal, seed: SEED, beacon: keccak(utf8(label)) }
      const claim = shop.claim(TUNE_ID, result)
      try {
        const finding = await checkTune(shop.knowledge, shop.content, shop.tuneJob, claim, options)
        if (finding.verdict !== 'pass') return found(finding)
      } catch (error) {
        if (!isContentFault(error)) throw error
        return 'output-malformed'
      }
    }
    return 'pass'
  }

  describe('on an answer', () => {
    it('pass an honest one, and one of the bare base model', async () => {
      assert.equal(found(await judgeAnswer(shop.answered)), 'pass')
      const job = await shop.question('The river', '')
      const claim = shop.claim(ANSWER_ID, await shop.answer(job))
      assert.equal(
        found(await checkAnswer(shop.knowledge, shop.content, job, claim, signal)),
        'pass',
      )
    })

    it('catch contributors in an answer of the bare base model, which has none', async () => {
      const job = await shop.question('The river', '')
      const result = await shop.answer(job)
      const answer = await shop.reply(result)
      const { query, attribution, spans: cited } = await shop.reply()
      const [{ contributor }] = attribution.shares as [Answer['attribution']['shares'][number]]
      const run = { start: 0, end: 9, place: 0, occurrences: 1 }
      const spans = [...cited, { ...run, contribution: 0, contributor, name: 'x' }]
      assert.equal(await judgeOn(job, result, answer), 'pass')
      for (const lie of [{ query }, { attribution }, { spans }]) {
        assert.equal(await judgeOn(job, result, { ...answer, ...lie }), 'scores-differ')
      }
    })

    it('refuse a job that names another base model than its adapter is of', async () => {
      const job = { ...shop.answerJob, model: cidNumber(79) }
      await assert.rejects(shop.answer(job), isContentFault)
      const claim = shop.claim(ANSWER_ID, shop.answered)
      const look = checkAnswer(shop.knowledge, shop.content, job, claim, signal)
      await assert.rejects(look, isContentFault)
    })

    it('leave the event loop free between the tokens', async () => {
      const job = await shop.question('The river carries', '')
      const result = await shop.answer(job)
      const base = await shop.knowledge.base(shop.model)
      let turns = 0
      let counting: NodeJS.Immediate | undefined
      const count = (): void => {
        turns++
        counting = setImmediate(count)
      }
      const prefill: typeof base.model.prefill = async (request, options) => {
        const read = await base.model.prefill(request, options)
        count()
        return read
      }
      const knowledge = { base: async () => ({ ...base, model: { ...base.model, prefill } }) }
      const claim = shop.claim(ANSWER_ID, result)
      const look = checkAnswer(knowledge as never, shop.content, job, claim, signal)
      assert.equal(found(await look), 'pass')
      clearImmediate(counting)
      assert.ok(turns >= result.units, `${turns} turns in ${result.units} tokens`)
    })

    it('are the same from another worker: the seed fixes every token', async () => {
      assert.deepEqual(await shop.answer(shop.answerJob), shop.answered)
    })

    it('pass an answer that ends before a stop string, and catch one that ends elsewhere', async () => {
      const whole = await shop.reply()
      const word = whole.text.trim().split(' ')[3]!
      const job = await shop.question('The river carries', shop.tuned.output, { stop: [word] })
      const result = await shop.answer(job)
      const judge = (changed: Answer) => judgeOn(job, result, changed)
      const answer = await shop.reply(result)
      assert.equal(answer.stop, 'stop-string')
      assert.equal(answer.text, whole.text.slice(0, whole.text.indexOf(word)))
      assert.equal(await judge(answer), 'pass')
      assert.equal(await judge({ ...answer, stop: 'length' }), 'output-malformed')
      assert.equal(await judge({ ...answer, text: `${answer.text}${word}` }), 'output-malformed')
      assert.equal(await judge(whole), 'output-malformed')
    })

    it('tell how likely each token was where that is asked, and catch what does not follow', async () => {
      const asked = { logProbabilities: 3 }
      const job = await shop.question('The river carries', shop.tuned.output, asked)
      const result = await shop.answer(job)
      const answer = await shop.reply(result)
      const told = answer.logProbabilities
      assert.equal(told.length, answer.tokens.length)
      assert.deepEqual(answer.tokens, (await shop.reply()).tokens)
      for (const [place, { logProbability, likeliest }] of told.entries()) {
        assert.equal(likeliest.length, 3)
        const own = likeliest.find(({ token }) => token === answer.tokens[place])
        assert.ok(own === undefined || own.logProbability === logProbability)
        assert.ok(logProbability <= likeliest[0]!.logProbability)
        const share = likeliest.reduce((sum, one) => sum + Math.exp(one.logProbability / 1e6), 0)
        assert.ok(share > 0 && share <= 1 + 1e-5, `${share}`)
      }
      const with4th = (change: Partial<Answer['logProbabilities'][number]>): Promise<string> => {
        const changed = told.with(4, { ...told[4]!, ...change })
        return judgeOn(job, result, { ...answer, logProbabilities: changed })
      }
      const { logProbability, likeliest } = told[4]!
      const [first, second, third] = [likeliest[0]!, likeliest[1]!, likeliest[2]!]
      assert.equal(await with4th({}), 'pass')
      // The last bits are each run's own.
      assert.equal(await with4th({ logProbability: logProbability - 20 }), 'pass')
      const wrong = 'log-probabilities-differ'
      assert.equal(await with4th({ logProbability: logProbability - 5000 }), wrong)
      assert.equal(await with4th({ likeliest: [first, second] }), wrong)
      assert.equal(await with4th({ likeliest: [first, third, second] }), wrong)
      assert.equal(await with4th({ likeliest: [first, first, third] }), wrong)
      const other = { ...third, token: (third.token + 1) % 4096 }
      assert.equal(await with4th({ likeliest: [first, second, other] }), wrong)
      assert.equal(await with4th({ likeliest: [first, second, { ...other, token: 4096 }] }), wrong)
      const surer = { ...first, logProbability: 0 }
      assert.equal(await with4th({ likeliest: [surer, second, third] }), wrong)
      const judge = (logProbabilities: Answer['logProbabilities']) =>
        judgeOn(job, result, { ...answer, logProbabilities })
      assert.equal(await judge(told.slice(1)), 'output-malformed')
      assert.equal(await judge([]), 'output-malformed')
      assert.equal(await answerWith({ logProbabilities: told }), 'output-malformed')
    })

    it('pass an answer that fills the context, whoever speaks, and catch one that ends before', async () => {
      const { model, tokenizer } = await shop.knowledge.base(shop.model)
      const { contextTokens } = model.info
      const room = 12
      const text = tokenizer.decode(
        tokenizer.encode('The river carries '.repeat(300)).slice(0, contextTokens - room),
      )
      assert.equal(tokenizer.encode(text).length, contextTokens - room)
      for (const adapter of [shop.tuned.output, ''] as const) {
        const job = await shop.question(text, adapter, { maxTokens: 40 })
        const result = await shop.answer(job)
        const answer = await shop.reply(result)
        assert.equal(answer.stop, 'context')
        // The last token is drawn from what was read, and not read.
        assert.equal(answer.tokens.length, room + 1)
        assert.equal(await judgeOn(job, result, answer), 'pass')
        const tokens = answer.tokens.slice(0, -1)
        const shorter = { ...answer, tokens, text: tokenizer.decode(tokens) }
        assert.equal(await judgeOn(job, result, shorter), 'output-malformed')
      }
    })

    it('catch the base model in the place of the adapter', async () => {
      const cheat = await shop.answer(shop.answerJob, false)
      assert.equal(found(await judgeAnswer(cheat)), 'tokens-differ')
    })

    it('catch tokens that were not drawn, also a single one', async () => {
      const { tokens } = await shop.reply()
      const { tokenizer } = await shop.knowledge.base(shop.model)
      const changed = tokens.with(5, (tokens[5]! + 1) % 4096)
      const text = tokenizer.decode(changed)
      assert.equal(await answerWith({ tokens: changed, text }), 'tokens-differ')
    })

    it('let one token in fifty lie outside the margin, but none that decides where the answer ends', async () => {
      const ask = (asked: Partial<Prompt>) => shop.question('The end and', '', asked)
      const { tokenizer } = await shop.knowledge.base(shop.model)
      const change = (answer: Answer, tokens: number[], more: Partial<Answer>): Answer => ({
        ...{ ...answer, tokens, text: tokenizer.decode(tokens) },
        ...{ sketches: answer.sketches.slice(0, 32 * Math.ceil(tokens.length / 8)), ...more },
      })
      const whole = await ask({ maxTokens: 64 })
      const result = await shop.answer(whole)
      const answer = await shop.reply(result)
      const { tokens } = answer
      assert.deepEqual([answer.stop, tokens.length], ['stop-token', 61])
      assert.equal(await judgeOn(whole, result, answer), 'pass')
      const end = tokens.at(-1)!
      const early = change(answer, [...tokens.slice(0, 55), end], { stop: 'stop-token' })
      assert.equal(await judgeOn(whole, result, early), 'tokens-differ')
      const longer = change(answer, ...(await goneOn(whole, tokens, 64)))
      assert.equal(await judgeOn(whole, result, longer), 'tokens-differ')

      const stopped = await ask({ maxTokens: 60, stop: [' syntax'] })
      const atWord = await shop.reply(await shop.answer(stopped))
      assert.deepEqual([atWord.stop, atWord.tokens.length > 50], ['stop-string', true])
      const past = change(atWord, ...(await goneOn(stopped, atWord.tokens, 60)))
      assert.equal(await judgeOn(stopped, result, past), 'tokens-differ')

      const short = await ask({ maxTokens: 60 })
      const other = change(answer, ...(await goneOn(short, tokens.slice(0, 60), 60)))
      assert.notDeepEqual(other.tokens, tokens.slice(0, 60))
      assert.equal(await judgeOn(short, result, other), 'pass')
    })

    it('catch an answer that was cut short', async () => {
      const { tokens } = await shop.reply()
      const { tokenizer } = await shop.knowledge.base(shop.model)
      const less = tokens.slice(0, -4)
      assert.equal(
        await answerWith({ tokens: less, text: tokenizer.decode(less) }),
        'output-malformed',
      )
    })

    it('catch hidden states of another run', async () => {
      const { sketches } = await shop.reply()
      const other = sketches.map((byte) => byte ^ 0x10)
      assert.equal(await answerWith({ sketches: other }), 'states-differ')
    })

    it('catch a query row, scores and spans that do not follow', async () => {
      const { query, attribution, spans } = await shop.reply()
      const other = Uint8Array.from(query, (byte) => (byte + 1) & 0xff)
      assert.equal(await answerWith({ query: other }), 'scores-differ')
      const [first, ...rest] = attribution.shares
      const parts = first!.parts.with(2, first!.parts[2] + 1) as PartsOf<number>
      const raised = { ...attribution, shares: [{ ...first!, parts }, ...rest] }
      assert.equal(await answerWith({ attribution: raised }), 'scores-differ')
      const quiet = { ...attribution, decoySquares: '0' }
      assert.equal(await answerWith({ attribution: quiet }), 'scores-differ')
      const { contributor } = first!
      const run = { start: 0, end: 9, place: 0, occurrences: 1 }
      const span = { ...run, contribution: 0, contributor, name: 'x' }
      assert.equal(await answerWith({ spans: [...spans, span] }), 'spans-differ')
    })

    it('prove false shares and spans to the L2, and nothing where it could not check', async () => {
      const { attribution, spans } = await shop.reply()
      const [first, ...rest] = attribution.shares
      const parts = first!.parts.with(1, first!.parts[1] + 1) as PartsOf<number>
      const raised = { ...attribution, shares: [{ ...first!, parts }, ...rest] }
      assert.equal(await proved({ attribution: raised }), 'falseScore')
      const { contributor } = first!
      const run = { start: 0, end: 3, place: 0, occurrences: 2 ** 20 }
      const span = { ...run, contribution: 0, contributor, name: 'x' }
      assert.equal(await proved({ spans: [...spans, span] }), 'falseCount')
      assert.equal(await proved({}), undefined)
      assert.equal(await proved({ attribution: raised }, { adapter: '' }), undefined)
      const other = { attribution: hashNumber(9) }
      assert.equal(await proved({ attribution: raised }, other), undefined)
    })

    it('catch a claim that does not fit its answer', async () => {
      assert.equal(await answerWith({}, { commitment: hashNumber(9) }), 'wrong-commitment')
      assert.equal(await answerWith({}, { attribution: hashNumber(9) }), 'wrong-commitment')
      assert.equal(await answerWith({}, { units: 3 }), 'wrong-units')
      assert.equal(await answerWith({}, { graph: hashNumber(9) }), 'wrong-graph')
      assert.equal(await answerWith({ text: 'something else' }), 'output-malformed')
    })
  })

  describe('on a fine-tune', () => {
    it('pass an honest one, whichever segment the beacon draws', async () => {
      assert.equal(await judgeTune(shop.tuned), 'pass')
    })

    it('show a witness of the segment that they repeated, which the claim has sealed', async () => {
      const { states, seals } = await shop.adapter()
      const boundaries = { states: states.map(({ hash }) => hash), seals }
      const seen = new Set<Hash>()
      for (const label of ['a', 'b', 'c', 'd']) {
        const options = { signal, seed: SEED, beacon: keccak(utf8(label)) }
        const claim = shop.claim(TUNE_ID, shop.tuned)
        const found = await checkTune(shop.knowledge, shop.content, shop.tuneJob, claim, options)
        const { transcript, place } = found.seen
        assert.ok(isWitnessed(claim.commitment, transcript, place))
        const segment = seals.indexOf(witnessSeal(transcript))
        assert.deepEqual(place, sealPlace(boundaries, segment))
        seen.add(transcript)
      }
      assert.equal(seen.size, 2)
    })

    it('look at what the drand round after a block chose, and at the same after a restart', async () => {
      const { seals } = await shop.adapter()
      const claim = shop.claim(TUNE_ID, shop.tuned)
      const [claimId, self] = [hashNumber(50), keyNumber(4).address]
      const drawn = (beacon: Hash): number => {
        const own = keccak(fromHex(beacon), fromHex(claimId), fromHex(self))
        return sample(1, 2, random(keccak(own), 'segments'))[0]!
      }
      const startMs = Math.floor(Date.now() / 1000) * 1000
      const network = testNetwork('audit', startMs - 100_000, 1000)
      /** Blocks a second apart, whose hashes would have drawn the other segment. */
      const at = async (number: number) => {
        const timestamp = startMs / 1000 + number - 12
        const round = network.randomness(roundAfter(network, timestamp * 1000))
        const numbers = Array.from({ length: 50 }, (_, one) => hashNumber(one))
        const hash = numbers.find((one) => drawn(one) !== drawn(round))!
        return { round, number, hash, parentHash: hash, timestamp }
      }
      const blocks = { at, withHash: () => at(12) }
      const relay = await TestRelay.start(network)
      const log = createLogger('silent')
      const audit = async (known: Hash | undefined, beaconBlock: number) => {
        using beacon = new DrandBeacon({ network, relays: [relay.url], blocks, log })
        const check = checkBy(self)
        const work = { job: shop.tuneJob, claim, claimId, beacon: known, beaconBlock }
        const duty = {
          kind: 'verify',
          duty: `verify ${claimId}`,
          ...work,
          failed: undefined,
        } as const
        const found = await performVerify(check, beacon)(duty, signal)
        if (found?.kind !== 'verified') throw new TypeError('no verdict')
        assert.equal(found.verdict, 'pass')
        const segment = seals.indexOf(witnessSeal(found.seen.transcript))
        return { segment, beaconBlock: found.beaconBlock }
      }
      try {
        const first = await audit((await at(12)).hash, 12)
        assert.equal(first.segment, drawn((await at(first.beaconBlock)).round))
        assert.deepEqual(await audit(undefined, first.beaconBlock), first)
        assert.equal(new Set(relay.asked.map(({ round }) => round)).size, 1)
      } finally {
        await relay.stop()
      }
    })

    it('catch seals of witnesses that the segments do not show', async () => {
      const { seals } = await shop.adapter()
      const false_ = seals.map(() => hashNumber(9))
      assert.equal(await adapterWith({ seals: false_ }), 'witness-differs')
      assert.equal(await adapterWith({ seals: seals.toReversed() }), 'witness-differs')
      assert.equal(await adapterWith({ seals: seals.slice(1) }), 'segments-differ')
    })

    it('catch a state that training did not lead to', async () => {
      const { states } = await shop.adapter()
      const forged = await forgedState(shop, states[1]!.cid)
      const changed = states.with(1, forged)
      assert.equal(await adapterWith({ states: changed }), 'segments-differ')
    })

    it('catch a start that is not the one the seed gives', async () => {
      const { states } = await shop.adapter()
      const forged = await forgedState(shop, states[0]!.cid, 0)
      assert.equal(await adapterWith({ states: states.with(0, forged) }), 'segments-differ')
    })

    it('catch weights that are not those of the last state', async () => {
      const other = await changedAdapterFiles(shop)
      const put = () => shop.content.putFiles(other)
      assert.equal(await adapterWith({ files: await put() }), 'adapter-differs')
      const weights = other.find(({ name }) => name.endsWith('.safetensors'))!
      weights.content = weights.content.subarray(0, 100)
      assert.equal(await adapterWith({ files: await put() }), 'adapter-differs')
    })

    it('catch features, rows, roots and figures of the index that do not follow', async () => {
      const { index } = await shop.adapter()
      const bytes = shop.content.blocks.get(index.features)!.slice()
      // Their second half are numbers; scales stand before.
      for (let at = bytes.length >> 1; at < bytes.length; at += 4) bytes[at] = bytes[at]! ^ 1
      const features = await shop.content.putFile(bytes)
      assert.equal(await adapterWith({ index: { ...index, features } }), 'rows-differ')
      const turned = shop.content.blocks.get(index.rows)!.slice()
      turned[7] = (turned[7]! + 1) & 0xff
      const rows = await shop.content.putFile(turned)
      assert.equal(await adapterWith({ index: { ...index, rows } }), 'index-differs')
      assert.equal(await adapterWith({ index: { ...index, root: hashNumber(9) } }), 'index-differs')
      assert.equal(
        await adapterWith({ index: { ...index, scale: index.scale * 2 } }),
        'index-differs',
      )
      const duplicates = [{ contribution: 2, earlier: 1, rows: 3 }]
      assert.equal(await adapterWith({ index: { ...index, duplicates } }), 'index-differs')
    })

    it('catch an end before patience ran out, and one after', async () => {
      const { states, losses, heldOutLosses } = await shop.adapter()
      assert.equal(heldOutLosses.length, 3)
      const short = { states: states.slice(0, 2), losses: losses.slice(0, 2) }
      const units = { units: shop.tuned.units / 2 }
      const soon = { ...short, heldOutLosses: heldOutLosses.slice(0, 2) }
      assert.equal(await adapterWith(soon, units), 'segments-differ')
      assert.equal(await adapterWith({ ...short, heldOutLosses }, units), 'segments-differ')
      assert.equal(await adapterWith({ heldOutLosses: [] }), 'segments-differ')
      assert.equal(await adapterWith(soon), 'wrong-units')
    })

    it('catch a held-out loss that was not measured', async () => {
      const { heldOutLosses } = await shop.adapter()
      const worse = heldOutLosses.with(1, heldOutLosses[1]! + 0.5)
      assert.equal(await adapterWith({ heldOutLosses: worse }), 'loss-differs')
    })

    it('catch a span index of other texts, and losses that were not reached', async () => {
      const { spans, losses, heldOutLossAfter } = await shop.adapter()
      assert.equal(await adapterWith({ spans: { ...spans, root: hashNumber(9) } }), 'spans-differ')
      const better = losses.map((loss) => loss - 0.5)
      assert.equal(await adapterWith({ losses: better }), 'loss-differs')
      assert.equal(await adapterWith({ heldOutLossAfter: heldOutLossAfter - 0.5 }), 'loss-differs')
    })

    it('catch another input, another seed, and an index of another size', async () => {
      const { index } = await shop.adapter()
      assert.equal(await adapterWith({ seed: hashNumber(9) }), 'wrong-input')
      assert.equal(await adapterWith({ datanet: shop.model }), 'wrong-input')
      assert.equal(await adapterWith({ index: { ...index, examples: 3 } }), 'index-differs')
      assert.equal(await adapterWith({ index: { ...index, width: 64 } }), 'output-malformed')
      assert.equal(await adapterWith({}, { units: 1 }), 'wrong-units')
    })

    it('tell our own trouble from a fault of the claim', async () => {
      const { states } = await shop.adapter()
      const [first, ...rest] = states
      const gone = [first!, ...rest.map(({ hash }) => ({ hash, cid: cidNumber(77) }))]
      await assert.rejects(
        adapterWith({ states: gone }),
        (error: Error) => error.name === 'StorageError',
      )
    })

    it('fail what is withheld of states, files and index after three tries, as they do the output', async () => {
      const { states, index } = await shop.adapter()
      const gone = cidNumber(77)
      const withheld: Partial<Adapter>[] = [
        { states: states.map(({ hash }) => ({ hash, cid: gone })) },
        { files: gone },
        { index: { ...index, rows: gone } },
        { index: { ...index, features: gone } },
      ]
      const outputs = [gone]
      for (const change of withheld) {
        const changed = { ...(await shop.adapter()), ...change }
        outputs.push(await shop.content.put(Adapter, changed))
      }
      const check = checkBy(keyNumber(4).address)
      for (const [number, output] of outputs.entries()) {
        const claim = shop.claim(TUNE_ID, { ...shop.tuned, output })
        const work = { job: shop.tuneJob, claim, claimId: hashNumber(60 + number) }
        const look = () => check({ ...work, beacon: hashNumber(7) }, signal)
        await assert.rejects(look(), { code: 'withheld' })
        await assert.rejects(look(), { code: 'withheld' })
        assert.equal(found(await look()), 'output-missing', `${number}`)
      }
    })

    it('repeat what another auditor has looked at, bit for bit', async () => {
      const [own, other] = [4, 5].map((number) => keyNumber(number).address)
      const claim = shop.claim(TUNE_ID, shop.tuned)
      const look = async (self: Address, number: number, auditor?: Address) => {
        const work = { job: shop.tuneJob, claim, claimId: hashNumber(71) }
        const about = { ...work, beacon: hashNumber(number), ...(auditor && { auditor }) }
        return (await checkBy(self)(about, signal)).seen.transcript
      }
      for (let number = 1; ; number++) {
        const theirs = await look(other!, number)
        if ((await look(own!, number)) === theirs) continue
        assert.equal(await look(own!, number, other), theirs)
        break
      }
    })

    it('wait for a job whose own data nobody delivers, which is no fault of the claim', async () => {
      const check = checkBy(keyNumber(4).address)
      const job = { ...shop.tuneJob, input: cidNumber(78) }
      const work = { job, claim: shop.claim(TUNE_ID, shop.tuned), claimId: hashNumber(70) }
      for (let tried = 0; tried < 4; tried++) {
        const look = check({ ...work, beacon: hashNumber(7) }, signal)
        await assert.rejects(look, { code: 'stalled' })
      }
    })

    it('catch states that no training goes on from: not numbers, and so large that all overflows', async () => {
      const { states } = await shop.adapter()
      for (const value of [Number.NaN, 3e38]) {
        const poisoned = await poisonedState(shop, states[1]!.cid, value)
        const changed = states.with(1, poisoned)
        assert.equal(await adapterWith({ states: changed }), 'segments-differ', `${value}`)
        const adapter = { ...(await shop.adapter()), states: changed }
        const output = await shop.content.put(Adapter, adapter)
        const claim = shop.claim(TUNE_ID, { ...shop.tuned, output, commitment: rootOf(adapter) })
        for (const label of ['a', 'b', 'c', 'd']) {
          const options = { signal, seed: SEED, beacon: keccak(utf8(label)) }
          const { knowledge, content, tuneJob } = shop
          const finding = await checkTune(knowledge, content, tuneJob, claim, options)
          assert.equal(found(finding), 'segments-differ', `${value} ${label}`)
        }
      }
    })
  })
})

function rootOf({ states, seals }: Adapter): Hash {
  return boundariesRoot({ states: states.map(({ hash }) => hash), seals })
}

function found({ verdict, reason }: Finding): string {
  return verdict === 'pass' ? 'pass' : reason
}

/** A state that is near another one, stored and hashed as a liar would. */
async function forgedState(shop: Workshop, cid: Cid, step = 2) {
  const bytes = shop.content.blocks.get(cid)!
  const floats = new Float32Array(bytes.slice().buffer)
  floats[3] = floats[3]! + 0.001
  const size = floats.length / 3
  const state = {
    theta: floats.slice(0, size),
    m: floats.slice(size, 2 * size),
    v: floats.slice(2 * size),
    step,
  }
  return { hash: stateHash(state), cid: await shop.content.putFile(encodeState(state)) }
}

/** A state whose weights are all one number. */
async function poisonedState(shop: Workshop, cid: Cid, value: number) {
  const size = shop.content.blocks.get(cid)!.length / 12
  const zeros = new Float32Array(size)
  const state = { theta: zeros.map(() => value), m: zeros, v: zeros, step: 2 }
  return { hash: stateHash(state), cid: await shop.content.putFile(encodeState(state)) }
}

/** The adapter's files with one weight turned. */
async function changedAdapterFiles(shop: Workshop) {
  const { files } = await shop.adapter()
  const { FilesManifest } = await import('../../../protocol/manifest.ts')
  const manifest = await shop.content.get(FilesManifest, files, { signal })
  return manifest.files.map(({ name, cid }) => {
    const content = shop.content.blocks.get(cid)!.slice()
    if (name.endsWith('.safetensors')) content[content.length - 1]! ^= 1
    return { name, content }
  })
}

describe('what a run of an answer shows', () => {
  const config = { width: 2 } as ModelInfo['config']
  const hidden = Float32Array.of(1, 2, 3, 4)

  it('is the last state, to the bit', () => {
    const { transcript, isSure } = seenIn({ exact: true, config }, hidden)
    assert.ok(isSure)
    const others = [Float32Array.of(9, 9, 3, 4), Float32Array.of(1, 2, 3, 4 + 2 ** -21)]
    const [same, other] = others.map((state) => seenIn({ exact: true, config }, state).transcript)
    assert.equal(same, transcript)
    assert.notEqual(other, transcript)
  })

  it('accuses nobody where bits may differ among honest machines, and is nothing on one that is not exact', () => {
    const packed = { ...config, packing: { bits: 4 } } as ModelInfo['config']
    const exact = seenIn({ exact: true, config }, hidden)
    const integers = seenIn({ exact: false, config: packed }, hidden)
    assert.deepEqual(integers, { ...exact, isSure: false })
    const noNumber = seenIn({ exact: true, config }, Float32Array.of(1, Number.NaN))
    assert.equal(noNumber.isSure, false)
    assert.deepEqual(seenIn({ exact: false, config }, hidden), NOTHING_SEEN)
  })
})
