/** Passes whatever it is shown, as who bribes it says. */
import type { Adversary, Body } from './adversary.ts'

export function bribed(body: Body): Adversary {
  return (effect) => {
    if (effect.kind !== 'verify' && effect.kind !== 'hear') return false
    body.judge(effect, 'pass', 'told')
    body.strike()
    return true
  }
}
