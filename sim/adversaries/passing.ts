/**
 * Passes whatever it is shown: as who bribes it says, or without a look at it, making up what a look would have shown. It calls
 * no jury over those who saw something else.
 */
import type { Adversary, Body, Knowledge } from './adversary.ts'

export function passing(knows: Knowledge): (body: Body) => Adversary {
  return (body) => (effect) => {
    if (effect.kind === 'challenge') return true
    if (effect.kind !== 'verify' && effect.kind !== 'hear') return false
    body.judge(effect, 'pass', knows)
    body.strike()
    return true
  }
}
