import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { openBaseModel } from '../../../worker/engine/files/base-model.ts'
import { lastPlaces, textFeeds } from '../../../worker/engine/serving/feeds.ts'
import { grownNames, KeyValues, newKeyValues } from '../../../worker/engine/serving/key-values.ts'
import { Slots } from '../../../worker/engine/serving/slots.ts'
import { assertSameBits, openServing, someTokens, TINY } from './fixtures.ts'

describe('keys and values', () => {
  it('grow in the graph as they grow here, row by row', async () => {
    const { config, session } = await openServing(true)
    const texts = [...someTokens(40, config.vocabSize)]
    const lengths = [7, 12, 1]
    const keys = new KeyValues(config, lengths.length, 32)
    for (const [row, length] of lengths.entries()) {
      const feeds = textFeeds([texts.slice(0, length)], [0], lastPlaces(length - 1, length))
      const slot = new Slots(config)
      slot.arrange([undefined])
      const empty = new KeyValues(config, 1, 0).feeds(1)
      const read = await session.run({ ...feeds, ...slot.feeds(), ...empty })
      keys.append(row, 0, newKeyValues(read), 0, 1)
    }
    const slots = new Slots(config)
    slots.arrange(lengths.map(() => undefined))
    for (let step = 0; step < 3; step++) {
      const { feeds, successions, settle } = keys.growing(lengths.length)
      assert.deepEqual(
        successions.map(({ output }) => output),
        grownNames(config),
      )
      const tokens = lengths.map((_, row) => [texts[20 + 3 * step + row]!])
      const text = textFeeds(tokens, lengths, lastPlaces(0, 1))
      const read = await session.run({ ...text, ...slots.feeds(), ...feeds })
      for (const [row, length] of lengths.entries()) {
        keys.append(row, length, newKeyValues(read), row, lengths.length)
        lengths[row] = length + 1
      }
      settle()
      const next = keys.growing(lengths.length).feeds
      for (const { output, to } of successions) {
        assert.ok(Object.values(next).includes(to))
        assertSameBits(read[output]!, to.data as Float32Array)
      }
    }
    await session.release()
  })

  it('are fed as the same objects for as long as nothing else changes', async () => {
    const { config } = await openBaseModel(TINY)
    const none = { k: new Float32Array(), v: new Float32Array() }
    const changes: Record<string, (keys: KeyValues) => void> = {
      'a token is added': (keys) => keys.append(0, 3, none, 0, 1),
      'a row is taken over': (keys) => keys.copyRow(1, keys, 0, 0),
      'room grows': (keys) => keys.reserve(2, 33),
      'rows join': (keys) => void keys.growing(1),
    }
    for (const [what, change] of Object.entries(changes)) {
      const keys = new KeyValues(config, 2, 32)
      const { feeds, successions, settle } = keys.growing(2)
      assert.equal(keys.growing(2).feeds, feeds)
      settle()
      const [first] = Object.keys(feeds)
      assert.equal(keys.growing(2).feeds[first!], successions[0]!.to)
      change(keys)
      assert.notEqual(keys.growing(2).feeds[first!], successions[0]!.to, what)
    }
  })
})
