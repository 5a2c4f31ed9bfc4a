/** Takes its turn and does nothing but beat. */
import type { Adversary, Body } from './adversary.ts'

export function idle(body: Body): Adversary {
  return ({ kind }) => {
    if (kind !== 'execute') return false
    body.strike()
    return true
  }
}
