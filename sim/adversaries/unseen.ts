/** Passes whatever it is shown, without a look at it, and makes up what a look would have shown. */
import type { Adversary, Body } from './adversary.ts'

export function unseen(body: Body): Adversary {
  return (effect) => {
    if (effect.kind !== 'verify' && effect.kind !== 'hear') return false
    body.judge(effect, 'pass', 'guessed')
    body.strike()
    return true
  }
}
