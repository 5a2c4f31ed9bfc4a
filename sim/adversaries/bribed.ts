/** Passes whatever it is shown, without a look at it. */
import type { Adversary, Body } from './adversary.ts'

export function bribed(body: Body): Adversary {
  return (effect) => {
    if (effect.kind !== 'verify' && effect.kind !== 'hear') return false
    body.judge(effect, 'pass', false)
    body.strike()
    return true
  }
}
