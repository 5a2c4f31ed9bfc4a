/** The signed messages in a receipt file. */
import { open } from '../../protocol/envelope.ts'
import type { Hash } from '../../protocol/hash.ts'
import { authorOf, type Kind, type MessageOf } from '../../protocol/message.ts'
import { recoverAddress } from '../../protocol/signature.ts'
import type { Domain } from '../../protocol/struct.ts'
import type { ReceiptFile } from './file.ts'

type Where = Pick<ReceiptFile, 'chainId' | 'resultLedger'>

/** A message of this kind with its digest, where its author signed it. */
export function signed<K extends Kind>(
  file: Where,
  kind: K,
  bytes: Uint8Array,
): { readonly body: MessageOf<K>['body']; readonly digest: Hash } | undefined {
  const opened = open(bytes, domainOf(file))
  if (!opened.ok || opened.envelope.message.kind !== kind) return undefined
  const { message, digest, signature } = opened.envelope
  if (recoverAddress(digest, signature) !== authorOf(message)) return undefined
  return { body: message.body as MessageOf<K>['body'], digest }
}

export function domainOf({ chainId, resultLedger }: Where): Domain {
  return { chainId, contract: resultLedger }
}
