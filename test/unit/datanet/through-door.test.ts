import { deepEqual, equal, ok } from 'node:assert/strict'
import { throughDoor, throughDoorHere } from '../../../worker/datanet/through-door.ts'
import { keyNumber } from '../../harness/messages.ts'

const WORDS =
  'rivers carry water from high places down to the sea and leave stones where they turn'.split(' ')

/** Prose that no other number has. */
function prose(number: number): string {
  const words = Array.from({ length: 120 }, (_, at) => {
    return `${WORDS[(at * (number + 3)) % WORDS.length]}${String.fromCharCode(97 + ((at * number) % 26))}`
  })
  return `${words.join(' ')}.`
}

function offer(number: number, text = prose(number), licence = 'MIT') {
  const content = Buffer.from(text).toString('base64')
  return { contributor: keyNumber(1).address, name: `text ${number}`, licence, content }
}

describe('offers through the door of a datanet', () => {
  const offered = [
    offer(1),
    offer(2),
    offer(3, prose(1)),
    offer(4, 'too short'),
    offer(5, prose(5), 'none'),
  ]

  it('are told apart by their places, and each refusal has its reason', () => {
    const { accepted, refused } = throughDoorHere(offered)
    deepEqual([...accepted.keys()], [0, 1])
    equal(accepted.get(1)!.name, 'text 2')
    deepEqual(
      refused.map(({ name, reason }) => [name, reason]),
      [
        ['text 3', 'duplicate'],
        ['text 4', 'too-short'],
        ['text 5', 'licence-not-allowed'],
      ],
    )
  })

  it('come to the same in a thread, while this one goes on', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    const passed = await throughDoor(offered)
    clearInterval(timer)
    deepEqual(passed, throughDoorHere(offered))
    ok(turns > 0)
  })
})
