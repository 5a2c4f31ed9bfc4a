/** The salt of a sealed vote. It follows from the validator's key, so there is no file that could be lost before the vote is opened. */
import { createHmac } from 'node:crypto'
import type { Hash } from '../../protocol/hash.ts'
import { type Deployment, domainOf } from './deployment.ts'

/** 32 bytes that nobody without the key of 32 bytes can tell, until the vote is opened with them. */
export function reviewSalt(deployment: Deployment, key: Uint8Array, reviewId: number): Hash {
  const { chainId, contract } = domainOf(deployment, 'datanetRegistry')
  const about = `tributary review ${chainId} ${contract} ${reviewId}`
  return `0x${createHmac('sha256', key).update(about).digest('hex')}` as Hash
}
