/** Proposes batches whose data it names a place for and puts nowhere, keeps no other's data either, and shows no receipt. */
import type { Adversary, Body } from './adversary.ts'

const NOWHERE = `eigenda/0x${'0'.repeat(64)}`

export function withholding(body: Body): Adversary {
  return (effect) => {
    switch (effect.kind) {
      case 'offer':
        body.handle({
          kind: 'offered',
          proposal: { ...effect.proposal, availability: NOWHERE },
        })
        body.strike()
        return true
      case 'retrieve':
        if (effect.header.availability !== NOWHERE) return false
        body.handle({ kind: 'retrieved', header: effect.headerHash })
        return true
      case 'keep':
      case 'show':
        return true
      default:
        return false
    }
  }
}
