/** `tributary keys`: the accounts of a node. Keys are made when first asked for, and never printed. */
import { Command } from 'commander'
import { publicKeyOf } from '../../protocol/signature.ts'
import { peerIdOf } from '../network/peer-id.ts'
import { keyFile, loadKey } from '../storage/keys.ts'
import { print, printJson, say, table } from './output.ts'

export function keysCommand(): Command {
  return new Command('keys')
    .description("show a node's accounts, making its keys where there are none")
    .option('--data <folder>', 'data folder of the node', '.tributary/node')
    .option('--json', 'one JSON object on standard output')
    .action(keys)
}

function keys({ data, json }: { data: string; json?: boolean }): void {
  const node = loadKey(data, 'node')
  const owner = loadKey(data, 'owner')
  const peerId = peerIdOf(publicKeyOf(node.privateKey)).toString()
  const about = {
    node: node.address,
    owner: owner.address,
    peerId,
    files: { node: keyFile(data, 'node'), owner: keyFile(data, 'owner') },
  }
  if (json) {
    printJson(about)
    return
  }
  print(
    table([
      ['node', about.node, about.files.node],
      ['owner', about.owner, about.files.owner],
      ['peer id', peerId, ''],
    ]),
  )
  say(
    'The owner stakes and is paid; the node signs, and pays for its transactions. Send both OPEN, the node a little. Back both files up: whoever has them is you.',
  )
}
