/** `tributary datanet`: a draft in a file of its own, contributions added to it, and its publication as a version. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Command } from 'commander'
import { z } from 'zod'
import { type Address, address } from '../../protocol/fields.ts'
import { createDoor } from '../datanet/contribute.ts'
import { account, counted } from './arguments.ts'
import { Client, ClientError, jsonOrNothing, nodeUrl } from './client.ts'
import { addBondCommands } from './datanet-chain.ts'
import { print, printJson, say, table } from './output.ts'
import { reviewCommand } from './review.ts'

/** A draft is a file of JSON lines: what was offered, as it was. */
const Draft = z.strictObject({
  contributor: address,
  name: z.string(),
  licence: z.string(),
  content: z.base64(),
})
type Draft = z.output<typeof Draft>

interface Published {
  readonly manifest: string
  readonly datanetId: number
  readonly version: number
  readonly contributions: number
  readonly root: string
  readonly txHash: string
  readonly refused: readonly { readonly name: string; readonly message: string }[]
}

export function datanetCommand(): Command {
  const command = new Command('datanet').description('gather data, and publish it as a datanet')
  command
    .command('create')
    .description('begin a draft')
    .argument('<name>', 'letters, digits and dashes')
    .option('--folder <folder>', 'where drafts are kept', '.tributary/datanets')
    .action((name: string, options: { folder: string }) => create(name, options.folder))
  command
    .command('add')
    .description('add files to a draft, each a contribution')
    .argument('<name>', 'the draft')
    .argument('<files...>', 'Markdown or plain text')
    .requiredOption('--contributor <account>', 'who is paid when this data is used', account)
    .requiredOption('--licence <spdx>', 'under which the data is given, such as CC0-1.0 or MIT')
    .option('--folder <folder>', 'where drafts are kept', '.tributary/datanets')
    .action(add)
  command
    .command('publish')
    .description('publish a draft through a gateway')
    .argument('<name>', 'the draft')
    .option('--datanet <number>', 'publish it as the next version of this datanet', counted)
    .option('--node <url>', 'a gateway [TRIBUTARY_NODE]')
    .option('--folder <folder>', 'where drafts are kept', '.tributary/datanets')
    .option('--json', 'one JSON object on standard output')
    .action(publish)
  addBondCommands(command)
  command.addCommand(reviewCommand())
  return command
}

function create(name: string, folder: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
    throw new ClientError(`"${name}" is no name for a datanet: use letters, digits and dashes.`)
  }
  const path = draftPath(folder, name)
  if (existsSync(path)) throw new ClientError(`There is a draft ${path} already.`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, '')
  say(
    `Add contributions with: tributary datanet add ${name} --contributor 0x… --licence CC0-1.0 FILE…`,
  )
  print(path)
}

function add(
  name: string,
  files: string[],
  { contributor, licence, folder }: { contributor: Address; licence: string; folder: string },
): void {
  const held = readDraft(folder, name)
  // The gateway asks the same questions again; here they spare a contributor the way.
  const door = createDoor()
  for (const { content, ...rest } of held) {
    door.submit({ ...rest, content: Buffer.from(content, 'base64') })
  }
  let refused = 0
  for (const file of files) {
    try {
      const content = readFile(file)
      const draft = { contributor, name: basename(file), licence }
      const verdict = door.submit({ ...draft, content })
      if (!verdict.accepted) throw new ClientError(verdict.refusal.message)
      const line = JSON.stringify({ ...draft, content: content.toString('base64') })
      appendFileSync(draftPath(folder, name), `${line}\n`)
      say(`${file}: taken, ${verdict.contribution.text.length} characters after cleaning`)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      refused += 1
      say(`${file}: refused: ${error.message}`)
    }
  }
  if (refused > 0) throw new ClientError(`${refused} of ${files.length} files were refused.`)
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ClientError(`it cannot be read (${(cause as Error).message})`, { cause })
  }
}

async function publish(
  name: string,
  options: { datanet?: number; node?: string; folder: string; json?: boolean },
): Promise<void> {
  const contributions = readDraft(options.folder, name)
  if (contributions.length === 0) throw new ClientError(`The draft ${name} is empty.`)
  const client = new Client(nodeUrl(options.node))
  const { datanet: datanetId } = options
  const published = await client.post<Published>('/datanets', { name, contributions, datanetId })
  if (options.json) return printJson(published)
  for (const refusal of published.refused) say(`${refusal.name}: refused: ${refusal.message}`)
  say(
    table([
      ['datanet', `${published.datanetId}, version ${published.version}`],
      ['contributions', `${published.contributions}`],
      ['root', published.root],
      ['transaction', published.txHash],
    ]),
  )
  print(published.manifest)
}

function readDraft(folder: string, name: string): Draft[] {
  const path = draftPath(folder, name)
  if (!existsSync(path)) {
    throw new ClientError(
      `There is no draft ${path}. Begin one with: tributary datanet create ${name}`,
    )
  }
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line, index) => {
    const parsed = Draft.safeParse(jsonOrNothing(line))
    if (parsed.success) return parsed.data
    throw new ClientError(`${path}, line ${index + 1}, is no contribution. Remove the line.`)
  })
}

function draftPath(folder: string, name: string): string {
  return join(folder, `${name}.jsonl`)
}
