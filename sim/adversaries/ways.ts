/** What each adversary does. */
import type { Adversary, Body } from './adversary.ts'
import { choosy } from './choosy.ts'
import { colluding } from './colluding.ts'
import { copying } from './copying.ts'
import { equivocating } from './equivocating.ts'
import { griefing } from './griefing.ts'
import { grinding } from './grinding.ts'
import { idle } from './idle.ts'
import type { BadManner, Manner } from './kinds.ts'
import { lying } from './lying.ts'
import { passing } from './passing.ts'
import { spamming } from './spamming.ts'
import { sybil } from './sybil.ts'
import { turncoat } from './turncoat.ts'
import { withholding } from './withholding.ts'
import { wrongModel } from './wrong-model.ts'

const WAYS: Readonly<Record<BadManner, (body: Body) => Adversary>> = {
  lying,
  idle,
  choosy,
  bribed: passing('told'),
  unseen: passing('guessed'),
  copying,
  colluding,
  grinding,
  equivocating,
  withholding,
  griefing,
  'wrong-model': wrongModel,
  turncoat,
  spamming,
  sybil,
}

/** @returns none for an honest node */
export function adversaryOf(manner: Manner, body: Body): Adversary | undefined {
  return manner === 'honest' ? undefined : WAYS[manner](body)
}
